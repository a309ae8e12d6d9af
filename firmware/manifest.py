"""What is frozen into the image of a home: our program and what it imports, in place of MicroPython's own list.

In: read by MicroPython's build (FROZEN_MANIFEST), which brings `module`, `package` and `require`. Out: nothing here
runs on the chip. Must never include the port's own list: its `_boot.py` loops for ever over a broken file system.
"""
# ruff: noqa: F821
# mypy: disable-error-code="name-defined"

import os

LEFT_OUT = ("./manifest.py", "./hal/unix.py", "./net/openssl.py")  # this file, the desk's machine, the tests' TLS


def ours() -> "list[str]":
    """Every other file of this folder, which is the build's working folder while it reads this."""
    found = []
    for folder, _, names in os.walk("."):
        paths = [folder + "/" + name for name in names if name.endswith(".py")]
        found += [path[2:] for path in paths if path not in LEFT_OUT and not path.startswith("./boot/image/")]
    return sorted(found)


# The interpreter looks for these by name; frozen, they stand before files of the same names.
for name in ("_boot.py", "boot.py", "main.py"):
    module(name, base_path="boot/image", opt=3)

package("firmware", files=ours(), base_path="..", opt=3)
package("protocol", base_path="..", opt=3)

# Streams are left out: the modem's port is ours.
package(
    "asyncio",
    files=("__init__.py", "core.py", "event.py", "funcs.py", "lock.py"),
    base_path="$(MPY_DIR)/extmod",
    opt=3,
)
require("ssl")
