"""Run by real MicroPython: ids, outbox, configuration and day on littlefs, on a chip that dies at its k-th write.

A chip in memory instead of hardware; everything else is the firmware's own. For every k the story is lived until the
power goes, then the chip is mounted again: old or new is whole, nothing that the cloud saw is gone, no id comes twice.
"""

import gc
import os

import vfs

from firmware.app import outboxfile
from firmware.app.config import Config
from firmware.app.outboxfile import OutboxFile
from firmware.app.storage import FILE_BYTES_MAX, Storage
from firmware.core.ids import IdSource, open_ids
from firmware.core.outbox import Outbox
from firmware.hal.base import Nvs
from tests.firmware.fakes.flash import Flash

PLACE = "/chip"
BLOCKS = 24
ROUNDS = 4
CONFIG = {"ver": 1, "hb": 600, "plan": {"sos": [["desk", "01055500001", 30, 1]]}}


class Memory(Nvs):
    """The chip's own storage, which has a cut of its own: here it never loses anything."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def get(self, name: str) -> "bytes | None":
        return self.held.get(name)

    def set(self, name: str, data: bytes) -> bool:
        self.held[name] = data
        return True


class PowerCut(Exception):  # noqa: N818, it is no error of anybody
    """The chip is dead."""


class Story:
    """What was done before the power went, and what the cloud saw of it."""

    def __init__(self, flash: Flash) -> None:
        self.flash = flash
        self.used: list[str] = []
        self.sent: dict[str, str] = {}  # id: kind, published and not receipted
        self.versions = [0]  # configurations that may be found: the last one stored, and what was being stored
        self.days: list[object] = [None]
        self.boot = -1

    def live(self) -> None:
        """A boot, then messages, receipts, configurations and counts of the day."""
        storage = Storage(PLACE)
        ids = open_ids(storage.read("ids"), "0123abcd")
        self._done(storage.write("ids", ids.stored()))
        self.boot = ids.boot
        box = Outbox(ids)
        file = OutboxFile(storage, box)
        file.load(0)
        config = Config(storage, Memory())
        for number in range(1, ROUNDS + 1):
            for kind in ("press", "call", "day"):
                one = ids.next()
                self.used.append(one)
                box.add(kind, {"id": one, "t": None, "u": number, "pad": "x" * 150}, 0)
            self._save(file, box)
            for one, kind, _ in box.due(number * 1_000_000):
                self.sent[one] = kind
            gone = sorted(self.sent)[: number % 3]
            box.receipt(gone, 0)
            for one in gone:
                del self.sent[one]
            self._save(file, box)
            self.versions = [self.versions[-1], number]
            fields = dict(CONFIG)
            fields["ver"] = number
            assert config.apply(fields, lambda plan, ver: True) == ""
            self._done(not config.unsaved)
            self.versions = [number]
            self.days = [self.days[-1], [number] * 40]
            self._done(storage.write("day", self.days[-1]))
            self.days = self.days[-1:]

    def _save(self, file: OutboxFile, box: Outbox) -> None:
        if file.save():
            box.saved()
        else:
            box.save_failed()
        self._done(True)

    def _done(self, well: bool) -> None:
        if self.flash.cut_after is not None and self.flash.writes > self.flash.cut_after:
            raise PowerCut
        assert well, "storage failed without a cut"

    def check(self) -> None:
        """After the restart."""
        storage = Storage(PLACE)
        ids = open_ids(storage.read("ids"), "ffffffff")
        assert self.boot < 0 or ids.boot >= self.boot or ids.epoch == "ffffffff"
        box = Outbox(ids)
        assert box.load(storage.lines("outbox"), 0) == 0, "a damaged line"
        assert ids.next() not in self.used, "an id twice"
        held = [entry.id for entry in box._entries]
        assert [one for one in self.sent if one not in held] == [], "the cloud saw it, and it is gone"
        config = Config(storage)
        config.load(lambda plan, ver: True)
        assert config.ver in self.versions, (config.ver, self.versions)
        assert storage.read("day") in self.days
        assert storage.damaged == 0


def mounted(flash: Flash, *, fresh: bool) -> None:
    """Put the chip's file system in place."""
    if fresh:
        vfs.VfsLfs2.mkfs(flash)  # type: ignore[arg-type] # the stubs want a subclass, MicroPython the methods
    vfs.mount(vfs.VfsLfs2(flash), PLACE)  # type: ignore[abstract, arg-type]


def test_a_power_cut_at_any_write_of_the_chip_leaves_old_or_new() -> None:
    """Every write and every erase of a whole story; the last run is cut nowhere."""
    blank = Flash(BLOCKS)
    mounted(blank, fresh=True)
    vfs.umount(PLACE)
    outboxfile.DEAD_BYTES_MAX = 500  # so that the file is also written anew in the middle of it
    cut_after, cuts = 0, 0
    flash = Flash(BLOCKS)
    while True:
        flash.data[:] = blank.data
        flash.revive(cut_after)
        mounted(flash, fresh=False)
        story = Story(flash)
        try:
            story.live()
            whole = True
        except PowerCut:
            whole = False
        vfs.umount(PLACE)
        gc.collect()  # a file that the cut left open must not be closed on the chip of the next life
        flash.revive()
        mounted(flash, fresh=False)
        story.check()
        vfs.umount(PLACE)
        if whole:
            break
        cut_after += 1
        cuts += 1
    assert cuts > 100


def test_a_full_chip_is_told_and_nothing_is_lost_that_was_there() -> None:
    """Whatever fills it; and there is room again as soon as there is room."""
    flash = Flash(12)
    mounted(flash, fresh=True)
    storage = Storage(PLACE)
    box = Outbox(IdSource("0123abcd", 1))
    file = OutboxFile(storage, box)
    box.add("press", {"id": "0123abcd.1.0", "t": None, "u": 1}, 0)
    assert file.save()
    box.saved()
    filler = 0
    while storage.write_lines("filler%d" % filler, [b"x" * 3000]):
        filler += 1
    for number in range(1, 30):
        box.add("call", {"id": "0123abcd.1.%d" % number, "t": None, "u": 1, "pad": "x" * 300}, 0)
        if file.save():
            box.saved()
        else:
            box.save_failed()
    assert storage.failures >= 2
    left = Outbox(IdSource("0123abcd", 2))
    assert left.load(Storage(PLACE).lines("outbox"), 0) == 0
    assert "0123abcd.1.0" in [entry.id for entry in left._entries]
    assert len(list(box.due(0))) > 1, "unsaved messages go out all the same"
    for number in range(filler):
        storage.remove("filler%d" % number)
    assert file.save()
    vfs.umount(PLACE)


def test_a_long_file_of_nonsense_costs_little_memory() -> None:
    """Read piece by piece: a chip that has 110 KB must not need the file's size."""
    flash = Flash(60)
    mounted(flash, fresh=True)
    storage = Storage(PLACE)
    with open(PLACE + "/outbox", "wb") as file:
        file.write((b"\x55" * 1023 + b"\x00") * (FILE_BYTES_MAX // 1024 + 20))
    gc.collect()
    before = gc.mem_alloc()  # type: ignore[attr-defined]
    gc.threshold(8_000)  # type: ignore[attr-defined]
    most = 0
    for _ in storage.lines("outbox"):
        most = max(most, gc.mem_alloc() - before)  # type: ignore[attr-defined]
    assert storage.read("outbox") is None
    assert Outbox(IdSource("0123abcd", 1)).load(storage.lines("outbox"), 0) == 0
    gc.threshold(-1)  # type: ignore[attr-defined]
    gc.collect()
    assert gc.mem_alloc() - before < 8_000  # type: ignore[attr-defined]
    assert storage.damaged > 0
    os.remove(PLACE + "/outbox")
    vfs.umount(PLACE)
