"""Flash in memory, for a file system of MicroPython's unix port: VfsLfs2 on a chip whose power can fail.

In: blocks written and erased. Out: what is on the chip, and an OSError from the moment at which the power is cut.
NOR rules: erasing sets every bit, writing only clears. Must never allocate: a file left open is closed inside gc,
while the heap is locked.
"""

import errno

BLOCK = 4096
_COUNT, _SIZE, _ERASE = 4, 5, 6  # of vfs.AbstractBlockDev; 1 to 3 start, stop and synchronise
_DEAD = OSError(errno.EIO)


class Flash:
    """`blocks` of 4096 bytes. After `cut_after` writes and erases the next is done by half and fails, as do all later.

    `writes` counts what was tried, so a run without a cut tells how many places there are to cut at.
    """

    def __init__(self, blocks: int, cut_after: "int | None" = None) -> None:
        self.blocks = blocks
        self.cut_after = cut_after
        self.writes = 0
        self.data = bytearray(b"\xff" * (blocks * BLOCK))

    def readblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        """Fill `buf` from there on."""
        at = block * BLOCK + offset
        for i in range(len(buf)):
            buf[i] = self.data[at + i]

    def writeblocks(self, block: int, buf: bytes, offset: "int | None" = None) -> None:
        """Clear the bits that are 0 in `buf`. Without an offset the blocks are erased first, as machines do."""
        at = block * BLOCK + (offset or 0)
        whole = self._powered()
        end = len(buf) if whole else len(buf) // 2
        if offset is None:
            self._blank(at, end)
        for i in range(end):
            self.data[at + i] &= buf[i]
        if not whole:
            raise _DEAD

    def ioctl(self, op: int, arg: int) -> "int | None":
        """The block device's protocol."""
        if op == _COUNT:
            return self.blocks
        if op == _SIZE:
            return BLOCK
        if op == _ERASE:
            whole = self._powered()
            self._blank(arg * BLOCK, BLOCK if whole else BLOCK // 2)
            if not whole:
                raise _DEAD
            return 0
        return 0 if op < _COUNT else None

    def revive(self, cut_after: "int | None" = None) -> None:
        """Power is back, until the next cut if one is given. What was written stays."""
        self.writes = 0
        self.cut_after = cut_after

    def spoil(self, first: int, last: int) -> None:
        """Put nonsense into the blocks from `first` up to `last`."""
        for at in range(first * BLOCK, last * BLOCK):
            self.data[at] = (at * 167 + 13) & 0xFF

    def _blank(self, at: int, size: int) -> None:
        for i in range(at, at + size):
            self.data[i] = 0xFF

    def _powered(self) -> bool:
        """Count one write or erase; True if it can be done whole. Raises once the power is gone."""
        self.writes += 1
        if self.cut_after is None or self.writes <= self.cut_after:
            return True
        if self.writes > self.cut_after + 1:
            raise _DEAD
        return False
