"""Runs one command and says how long it took and how much memory it had at most. A small process of its own.

In: words of a command. Out: its exit code; on standard output one JSON object after what the command said. A child is
charged with the memory of whoever started it: the bench itself is large, this is not.
"""

import json
import resource
import subprocess
import sys
import time

KIB = 1 if sys.platform == "linux" else 1024  # macOS counts in bytes

begun = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=False)
seconds = time.monotonic() - begun
rss_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB / 1024
print("\n" + json.dumps({"seconds": seconds, "rss_mb": rss_mb}))
sys.exit(done.returncode)
