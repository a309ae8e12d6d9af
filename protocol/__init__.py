"""The wire between a terminal and the cloud, version 1.

In: plain dicts and topic parts. Out: bytes and topics, and back again.
The same files run on MicroPython and on CPython, so this package imports `json` and nothing else,
keeps no state, does no I/O and never reads a clock.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


def const(value: "T") -> "T":
    """Mark a value as known to MicroPython's compiler, which then keeps no `_NAME` of it in RAM. CPython: `value`."""
    return value
