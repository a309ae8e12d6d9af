"""The roots that a terminal trusts: certificates of our own CA in DER, one after the other.

In: bytes of a file or of the image. Out: one item per certificate. Must never take what is no certificate for one: a
terminal with a wrong root would be cut off for good.
"""

from protocol import const

ROOTS_MAX = const(3)  # current, next, and one to spare while a fleet is moved
ROOT_BYTES_MAX = const(1_024)  # ours have about 400; each costs heap as long as the terminal runs
_SEQUENCE = const(0x30)


def split(data: bytes) -> "list[bytes]":
    """The certificates in their order; none for no bytes. Raises ValueError for anything else."""
    roots: "list[bytes]" = []
    at = 0
    while at < len(data):
        end = at + _length(data[at : at + 4])
        if end > len(data) or len(roots) >= ROOTS_MAX:
            raise ValueError("roots: cut short or too many")
        roots.append(bytes(data[at:end]))
        at = end
    return roots


def _length(head: bytes) -> int:
    """Bytes of a DER sequence with its head. A certificate is never so short that its length fits one byte."""
    if len(head) < 4 or head[0] != _SEQUENCE or head[1] not in (0x81, 0x82):
        raise ValueError("roots: no certificate in DER")
    length = 3 + head[2] if head[1] == 0x81 else 4 + (head[2] << 8 | head[3])
    if length > ROOT_BYTES_MAX:
        raise ValueError("roots: too large")
    return length
