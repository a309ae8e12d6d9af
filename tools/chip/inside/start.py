"""What the emulated chip runs at power on: its own root, its own modules, then boot.py and main.py of its files.

In: `name=value` on the command line. Out: a chip whose console is this process's input and output. The prompt of the
interpreter follows, as on the chip, when the program ends or is interrupted.
"""

import os
import sys

import vfs  # type: ignore[import-not-found, unused-ignore]

_given = dict([word.split("=", 1) for word in sys.argv[1:]])
sys.path.insert(0, _given["inside"])

import esp32  # noqa: E402, F401 - found here only before the root changes
import machine  # noqa: E402, F401
from disk import Disk  # type: ignore[import-not-found, unused-ignore]  # noqa: E402
from world import WORLD  # type: ignore[import-not-found, unused-ignore]  # noqa: E402

_IMAGE = "/.image"  # what is frozen into the program


def _there(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def _program(names: "tuple[str, ...]") -> None:
    """Each as the main program; what is frozen stands before a file of the same name."""
    for name in names:
        if _there(_IMAGE + "/" + name + ".mpy"):
            sys.path.insert(0, _IMAGE)
            __import__(name)
        for folder in (_IMAGE, ""):
            path = folder + "/" + name + ".py"
            if _there(path):
                with open(path) as file:
                    source = file.read()
                exec(compile(source, path, "exec"), globals())  # noqa: S102 - that is what it is for
                break


WORLD.open(_given)
vfs.umount("/")
vfs.mount(Disk(_given["root"], int(_given["room"])), "/")
if _given["image"]:
    vfs.mount(Disk(_given["image"], 0), _IMAGE)
sys.path[:] = [""] + ([_IMAGE] if _given["image"] else []) + [".frozen", "/lib"]
sys.argv[:] = []
try:
    WORLD.tell(boot=1)  # from here on a Ctrl-C is the program's; before, it would leave the interpreter half set up
    _program(("boot",) if _given["raw"] == "1" else ("boot", "main"))
except SystemExit:
    WORLD.die("exit")
except (Exception, KeyboardInterrupt) as _error:
    sys.print_exception(_error)  # type: ignore[attr-defined]
