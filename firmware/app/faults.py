"""Which faults are open: each is told once, and once more when it is gone, also over a restart.

In: faults and restores by name. Out: events, and a small file of what is open.
Must never tell a fault twice without its twin between. The file is written before the outbox is: of a fault that is
told the next start knows, and a twin too many does no harm.
"""

from protocol import codes, const
from protocol.fields import COUNT_MAX

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.mail import Mail
    from firmware.app.storage import Storage

_FILE = const("faults")
_EACH = const(("key_stuck",))  # may be open several times, once for each text
_OPEN_MAX = const(32)  # more than there are faults and keys: what a damaged file could hold


class Faults:
    """The book of open faults. `count` is told of each new one."""

    def __init__(self, mail: "Mail", storage: "Storage", count: "Callable[[], None]") -> None:
        self.mail = mail
        self.storage = storage
        self._count = count
        self._since: "dict[str, int]" = {}  # fault and, for some, its text: uptime at which it began
        self._before: "dict[str, int | None]" = {}  # the same of earlier boots: epoch seconds, None if not known
        self._changed = False
        stored = storage.read(_FILE)
        for slot in stored if isinstance(stored, dict) else {}:
            if _twin(slot.split(" ")[0]) is not None and len(self._before) < _OPEN_MAX:
                began = stored[slot]  # type: ignore[index] # it is a dict
                self._before[slot] = began if isinstance(began, int) and began >= 0 else None

    def __contains__(self, name: str) -> bool:
        return bool([slot for slot in self.open() if slot.split(" ")[0] == name])

    def open(self) -> "list[str]":
        """Open faults, some with their text behind a space."""
        return list(self._since) + list(self._before)

    def left(self) -> "list[str]":
        """Of them those of before the restart: nobody will tell that they are gone, so somebody must look."""
        return list(self._before)

    def event(self, name: str, val: "int | None" = None, txt: "str | None" = None, at: "int | None" = None) -> None:
        """One happening."""
        self.mail.post("event", {"ev": name, "val": val, "txt": txt}, at)

    def notice(self, name: str, val: "int | None" = None) -> None:
        """A fault, a restore or a happening, by its name on the wire."""
        for fault, twin in codes.FAULTS:
            if fault == name:
                self.fault(name, val)
                return
            if twin == name:
                self.restore(fault)
                return
        self.event(name, val)

    def fault(self, name: str, val: "int | None" = None, txt: "str | None" = None, since: "int | None" = None) -> None:
        """Something is broken, since that uptime; told once until it is well again."""
        slot = _slot(name, txt)
        if slot in self._since or slot in self._before:
            return
        self._since[slot] = self.mail.now() if since is None else since
        self._changed = True
        self._count()
        self.event(name, val, txt, since)

    def restore(self, name: str, txt: "str | None" = None) -> None:
        """The fault is gone; nothing if it was not told."""
        slot, now = _slot(name, txt), self.mail.now()
        seconds: "int | None" = None
        if slot in self._since:
            seconds = (now - self._since.pop(slot)) // 1000
        elif slot in self._before:
            began, epoch = self._before.pop(slot), self.mail.clock.epoch(now)
            if began is not None and epoch is not None and 0 <= epoch - began <= COUNT_MAX:
                seconds = epoch - began
        else:
            return
        self._changed = True
        self.event(_twin(name) or name, seconds, txt)

    def store(self) -> None:
        """Write what is open, if that changed."""
        if self._changed:
            epoch = self.mail.clock.epoch
            whole: "dict[str, int | None]" = {slot: epoch(self._since[slot]) for slot in self._since}
            whole.update(self._before)
            self._changed = not self.storage.write(_FILE, whole)


def _twin(name: str) -> "str | None":
    """The restore of a fault; None for what is no fault."""
    for fault, twin in codes.FAULTS:
        if fault == name:
            return twin
    return None


def _slot(name: str, txt: "str | None") -> str:
    return name + " " + txt if name in _EACH and txt else name
