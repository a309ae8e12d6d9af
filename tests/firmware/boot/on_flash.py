"""Cases for MicroPython alone, which has the chip's file system: run by test_files.py through tests/micropython/run.py.

In: a flash in memory, whole, torn, worn or absent. Out: assertions. Each mounts at a folder of its own.
"""

import errno
import os

import vfs

from firmware.app.storage import Storage
from firmware.boot import files
from tests.firmware.fakes.flash import Flash

BLOCKS = 16
ENOSPC = 28  # MicroPython has no name for it
AT = "/f"


class Mounted:
    """A file system as the boot chain mounts it, for a while."""

    def __init__(self, device: object) -> None:
        self.device = device

    def __enter__(self) -> str:
        self.state = files.mount(vfs, self.device, AT)
        return self.state

    def __exit__(self, *_: object) -> None:
        if self.state != files.ABSENT:
            vfs.umount(AT)


def made() -> Flash:
    """A flash with a file on it."""
    flash = Flash(BLOCKS)
    with Mounted(flash) as state:
        assert state == files.FORMATTED
        assert Storage(AT).write("ids", [1, 2])
    return flash


def test_a_new_flash_is_formatted_once_and_mounted_ever_after() -> None:
    flash = made()
    with Mounted(flash) as state:
        assert state == files.MOUNTED
        assert Storage(AT).read("ids") == [1, 2]


def test_a_flash_of_nonsense_is_made_new() -> None:
    flash = made()
    flash.spoil(0, BLOCKS)
    with Mounted(flash) as state:
        assert state == files.FORMATTED
        assert Storage(AT).read("ids") is None
        assert Storage(AT).write("ids", [3])


def test_files_survive_a_wound_elsewhere() -> None:
    """One of the two blocks of the root: the file system knows another copy."""
    for block in (0, 1):
        flash = made()
        flash.spoil(block, block + 1)
        with Mounted(flash) as state:
            assert state in (files.MOUNTED, files.FORMATTED)
            assert Storage(AT).write("outbox", "x")


def test_one_bad_read_does_not_cost_the_files() -> None:
    flash = made()
    bad = BadReads(flash, 1)
    with Mounted(bad) as state:
        assert state == files.MOUNTED
        assert Storage(AT).read("ids") == [1, 2]
    assert bad.left == 0


def test_a_flash_that_can_be_neither_read_nor_written_is_done_without() -> None:
    with Mounted(BadReads(Flash(BLOCKS), 1_000_000)) as state:
        assert state == files.ABSENT
    with Mounted(Flash(BLOCKS, 0)) as state:
        assert state == files.ABSENT
    with Mounted(None) as state:
        assert state == files.ABSENT
    assert not Storage("/nowhere").write("ids", [1])
    assert Storage("/nowhere").read("ids") is None


def test_without_memory_nothing_is_formatted() -> None:
    class Hungry:
        """A module whose file system finds no memory."""

        VfsLfs2 = None

        @staticmethod
        def mount(device: object, path: str) -> None:
            raise OSError(errno.ENOMEM)

    Hungry.VfsLfs2 = lambda device: device  # type: ignore[assignment]
    flash = made()
    before = flash.writes
    assert files.mount(Hungry, flash, AT) == files.ABSENT  # type: ignore[arg-type]
    assert flash.writes == before


def test_a_full_file_system_mounts_and_says_so_when_written() -> None:
    flash = made()
    with Mounted(flash):
        code = 0
        while not code:
            try:
                with open("%s/big%d" % (AT, len(os.listdir(AT))), "wb") as file:
                    file.write(b"x" * 4_000)
            except OSError as error:
                code = error.args[0]
        assert code == ENOSPC
    with Mounted(flash) as state:
        assert state == files.MOUNTED
        storage = Storage(AT)
        assert not storage.write_lines("outbox", [b"x" * 480] * 20)
        assert storage.read("ids") == [1, 2]
        for name in os.listdir(AT):
            if name.startswith("big"):
                os.remove(AT + "/" + name)
        assert storage.write_lines("outbox", [b"x" * 480] * 20)


def test_a_power_cut_at_every_write_of_a_first_start_ends_in_a_whole_file_system() -> None:
    cuts = 0
    while True:
        flash = Flash(BLOCKS, cuts)
        with Mounted(flash):
            pass
        whole = flash.writes <= cuts
        flash.revive()
        with Mounted(flash) as state:
            assert state in (files.MOUNTED, files.FORMATTED)
            assert Storage(AT).write("ids", [cuts])
            assert Storage(AT).read("ids") == [cuts]
        if whole:
            break
        cuts += 1
    assert cuts > 2


class BadReads:
    """A flash whose next reads fail."""

    def __init__(self, flash: Flash, left: int) -> None:
        self.flash = flash
        self.left = left

    def readblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        if self.left:
            self.left -= 1
            raise OSError(errno.EIO)
        self.flash.readblocks(block, buf, offset)

    def writeblocks(self, block: int, buf: bytes, offset: "int | None" = None) -> None:
        self.flash.writeblocks(block, buf, offset)

    def ioctl(self, op: int, arg: int) -> "int | None":
        return self.flash.ioctl(op, arg)
