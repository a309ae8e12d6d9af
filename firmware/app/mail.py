"""Gives a message its id and its times and puts it into the outbox.

In: kind and fields. Out: the id. Must never wait: a press goes through here.
"""

from firmware.core.clock import DeviceClock
from firmware.core.ids import IdSource
from firmware.core.outbox import Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Mail:
    """The one way into the outbox."""

    def __init__(self, ids: IdSource, outbox: Outbox, clock: DeviceClock, now: "Callable[[], int]") -> None:
        self.ids = ids
        self.outbox = outbox
        self.clock = clock
        self.now = now
        self.kick: "Callable[[], None]" = lambda: None  # the sender's

    def stamp(self, at: "int | None" = None, message_id: "str | None" = None) -> "dict[str, object]":
        """The common fields of a message about now, or about an uptime of this boot."""
        happened = self.now() if at is None else at
        return {"id": message_id or self.ids.next(), "t": self.clock.epoch(happened), "u": happened}

    def post(self, kind: str, fields: "dict[str, object]", at: "int | None" = None) -> str:
        """Keep a message until its receipt; returns its id."""
        whole = self.stamp(at)
        whole.update(fields)
        self.keep(kind, whole)
        return str(whole["id"])

    def keep(self, kind: str, whole: "dict[str, object]") -> None:
        """Keep a message that has been stamped."""
        self.outbox.add(kind, whole, self.now())
        self.kick()
