"""What the emulated chip runs at power on: its own root, its own modules, then boot.py and main.py of its files.

In: `name=value` on the command line. Out: a chip whose console is this process's input and output. The prompt of the
interpreter follows, as on the chip, when the program ends or is interrupted.
"""

import os
import sys

import vfs  # type: ignore[import-not-found, unused-ignore]

given = dict([word.split("=", 1) for word in sys.argv[1:]])
sys.path.insert(0, given["inside"])

import esp32  # noqa: E402, F401 - found here only before the root changes
import machine  # noqa: E402, F401
from disk import Disk  # type: ignore[import-not-found, unused-ignore]  # noqa: E402
from world import WORLD  # type: ignore[import-not-found, unused-ignore]  # noqa: E402


def program() -> None:
    """boot.py and main.py, if they are there; those of a frozen image stand before files."""
    there = os.listdir("/") + (os.listdir("/.image") if given["image"] == "1" else [])
    for name in ("boot", "main"):
        if name + ".py" in there or name + ".mpy" in there:
            __import__(name)


WORLD.open(given)
vfs.umount("/")
vfs.mount(Disk(given["root"]), "/")
sys.path[:] = (["/.image"] if given["image"] == "1" else []) + ["", "/lib", ".frozen"]
sys.argv[:] = []
WORLD.tell(boot=1)
try:
    program()
except KeyboardInterrupt:
    print("KeyboardInterrupt:")
except Exception as error:
    sys.print_exception(error)  # type: ignore[attr-defined]
