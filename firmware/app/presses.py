"""The messages of fired keys, and when each fired.

In: a fired key. Out: its message in the outbox. A press that the outbox cannot take waits here and is tried again;
must never stop the call that the press is for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.mail import Mail

FRESH_MS = 120_000  # for so long a press may be answered while no clock can judge the answer
HOLD_MAX_MS = 600_000  # of the wire
_FIRED_MAX = 8


class Presses:
    """Of this boot."""

    def __init__(self, mail: "Mail") -> None:
        self.mail = mail
        self.faults = 0
        self._unkept: "list[dict[str, object]]" = []
        self._fired: "list[tuple[str, int]]" = []

    @property
    def waiting(self) -> bool:
        """Whether a press is not in the outbox yet."""
        return bool(self._unkept)

    def add(self, ref: str, now: int, fields: "dict[str, object]") -> None:
        """A key fired. `fields`: key, hold, how, and ref of what a cancel ends.

        `hold` is bounded: of all messages this one must never be refused.
        """
        press = self.mail.stamp(now, ref)
        press.update(fields)
        hold = fields["hold"]
        press["hold"] = min(max(hold, 0), HOLD_MAX_MS) if isinstance(hold, int) else 0
        self._unkept.append(press)
        self.keep()
        if fields["key"] != "cancel":
            self._fired = (self._fired + [(ref, now)])[-_FIRED_MAX:]

    def keep(self) -> None:
        """Into the outbox. Should that fail they wait: the call does not."""
        while self._unkept:
            try:
                self.mail.keep("press", self._unkept[0])
            except Exception:
                self.faults += 1
                return
            self._unkept.pop(0)

    def at(self, ref: object) -> "int | None":
        """Uptime at which a press fired, None for one of an earlier boot or of long ago."""
        for one, at in self._fired:
            if one == ref:
                return at
        return None

    def fresh(self, ref: str, now: int, open_refs: "list[str]") -> bool:
        """Whether an answer to this press may count while no clock can judge it; the ladder knows what is not ours."""
        at = self.at(ref)
        # Of an earlier boot: nobody knows how long ago that was.
        return ref not in open_refs if at is None else now - at <= FRESH_MS
