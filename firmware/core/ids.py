"""Message ids of this terminal: `e.b.n`, unique for its whole life.

In: what storage held (or nothing) and eight random hex digits. Out: ids, and the small record that must be stored
before the first of them is used. Never hands out an id twice, also when storage was wiped: then a new epoch is drawn.
"""

from protocol import const
from protocol.ids import BOOT_MAX, EPOCH_CHARS, SEQUENCE_MAX

_HEX = const("0123456789abcdef")


def _is_epoch(text: object) -> bool:
    return isinstance(text, str) and len(text) == EPOCH_CHARS and not [char for char in text if char not in _HEX]


class IdSource:
    """The ids of one boot. `changed` says that `stored()` must be saved (again)."""

    def __init__(self, epoch: str, boot: int) -> None:
        self.epoch = epoch
        self.boot = boot
        self.changed = True
        self._sequence = 0

    def next(self) -> str:
        """The next id."""
        if self._sequence > SEQUENCE_MAX:
            # A message a second for three years; a further "boot" keeps the ids unique.
            self.boot += 1
            self._sequence = 0
            self.changed = True
        sequence = self._sequence
        self._sequence += 1
        return "%s.%d.%d" % (self.epoch, self.boot, sequence)

    def is_this_boot(self, message_id: str) -> bool:
        """Whether an id was given in this boot, so that its uptimes count from the same start as ours."""
        return message_id.startswith("%s.%d." % (self.epoch, self.boot))

    def stored(self) -> dict[str, object]:
        """What to save; `open_ids` of the next boot reads it."""
        return {"e": self.epoch, "b": self.boot}


def open_ids(stored: object, epoch_hex: str) -> IdSource:
    """The ids of a new boot. `stored`: what the last boot saved, or None; `epoch_hex`: random, used only then."""
    if isinstance(stored, dict):
        epoch, boot = stored.get("e"), stored.get("b")
        if isinstance(epoch, str) and _is_epoch(epoch) and isinstance(boot, int) and 0 <= boot < BOOT_MAX:
            return IdSource(epoch, boot + 1)
    if not _is_epoch(epoch_hex):
        raise ValueError("epoch_hex: 8 small hex digits")
    return IdSource(epoch_hex, 0)
