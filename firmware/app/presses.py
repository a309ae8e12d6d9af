"""The messages of fired keys, and when each fired.

In: a fired key. Out: its message in the outbox. A press that the outbox cannot take waits here and is tried again;
must never stop the call that the press is for.
"""

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.app.mail import Mail

_FRESH_MS = const(120_000)  # for so long a press may be answered while no clock can judge the answer
_HOLD_MAX_MS = const(600_000)  # of the wire
_FIRED_MAX = const(8)


def _place(message: "dict[str, object]", before: str) -> int:
    """Which of its boot's messages it is; -1 if its id does not begin so."""
    message_id = str(message.get("id"))
    return int(message_id[len(before) :]) if message_id.startswith(before) else -1


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
        press["hold"] = min(max(hold, 0), _HOLD_MAX_MS) if isinstance(hold, int) else 0
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

    def left(self) -> "dict[str, object] | None":
        """The last press of the boot before this, if the power went before anything that came of it was stored."""
        ids, outbox = self.mail.ids, self.mail.outbox
        before = "%s.%d." % (ids.epoch, ids.boot - 1)
        last, place = None, -1
        for press in outbox.held("press"):
            at = _place(press, before)
            if at > place:
                last, place = press, at
        if last is None or last.get("key") == "cancel" or last.get("how") == "test":
            return None
        after = [call for call in outbox.held("call") if _place(call, before) > place and call.get("step") != "dial"]
        return None if after else last

    def cancelled(self, ref: object) -> bool:
        """Whether a press that has not been receipted calls this one off."""
        held = self.mail.outbox.held("press")
        return bool([press for press in held if press.get("key") == "cancel" and press.get("ref") == ref])

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
        return ref not in open_refs if at is None else now - at <= _FRESH_MS
