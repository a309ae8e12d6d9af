"""`./tools/demo`: a fresh machine to a running system. Arguments go on to `onekey demo`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import environment


def main() -> None:
    """Prepare the environment, then become `onekey demo`."""
    python = str(environment.ensure())
    command = [python, "-m", "tools", "demo", *sys.argv[1:]]
    if os.name == "nt":
        raise SystemExit(subprocess.call(command))
    os.execv(python, command)


if __name__ == "__main__":
    main()
