"""The outbox on storage: one file that grows by what has changed, and is written anew when half of it is the past.

In: the outbox. Out: the file, and the outbox as it was after a restart. A press adds a line or two, however much waits.
Must never let a line go that was not receipted: the old file stands until the new one is whole.
"""

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.app.storage import Storage
    from firmware.core.outbox import Outbox

_FILE = const("outbox")
# A block of the chip, so that a small outbox stays in one; of a large one as much as it holds.
DEAD_BYTES_MAX = const(4_096)


class OutboxFile:
    """Call `load` once, then `save` after every change."""

    def __init__(self, storage: "Storage", outbox: "Outbox") -> None:
        self.storage = storage
        self.outbox = outbox
        self._anew = True  # the first time, and after a failure: what stands in the file then is not certain
        self._bytes = 0  # of the file, about

    def load(self, now: int) -> None:
        """Take over what was left of before the restart."""
        self.storage.damaged += self.outbox.load(self.storage.lines(_FILE), now)

    def save(self) -> bool:
        """Bring the file up to date. False: storage is broken. The caller tells the outbox how it went."""
        if self._anew or self._bytes - self.outbox.size > max(DEAD_BYTES_MAX, self.outbox.size):
            lines = self.outbox.dump_lines()
            done = self.storage.write_lines(_FILE, lines)
            self._bytes = 0
        else:
            lines = self.outbox.news_lines()
            done = not lines or self.storage.append_lines(_FILE, lines)
        self._bytes += sum([len(line) for line in lines])
        self._anew = not done
        return done
