"""The part of the chip's flash that holds the file system.

In: the partition table. Out: a block device, or None in an image without one.
"""

from esp32 import Partition

from protocol import const

_LABEL = const("vfs")  # of MicroPython's own partition tables


def device() -> "Partition | None":
    """The block device."""
    found = Partition.find(Partition.TYPE_DATA, label=_LABEL)
    return found[0] if found else None
