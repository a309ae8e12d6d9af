"""What the district sets: the stored plan per key, heartbeats, volumes, callers, times.

In: a stored file and `config` messages. Out: the configuration in force. Shipped values stand in the code, so that a
terminal without storage dials. Must never apply half of a configuration, or one without a ladder for the red key.
"""

from firmware.app.storage import Storage
from protocol import messages
from protocol.errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "config"

# An invented number. A district's own desk is written at provisioning and kept up to date by `config` messages.
_DESK = ["值班台", "01055500000", 40, 1]

SHIPPED: "dict[str, object]" = {
    "ver": 0,
    "hb": 600,
    "plan": {key: [_DESK] for key in ("sos", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9")},
    "vol": 90,
    "ring": 80,
    "allow": [],
    "back": 60,
    "times": {},
    "srv": None,
    "apn": "cmiot",
}


class Config:
    """The configuration in force. `accepts` is the ladder's own check of the plans."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.fields = dict(SHIPPED)

    @property
    def ver(self) -> int:
        """Version in force, 0 for the shipped one."""
        return self.number("ver")

    def number(self, name: str) -> int:
        """An integer field."""
        value = self.fields[name]
        return value if isinstance(value, int) else 0

    def plans(self) -> "dict[str, object]":
        """The stored plan: {key: [[label, number, ring s, staffed], …]}."""
        plan = self.fields["plan"]
        return plan if isinstance(plan, dict) else {}

    def times(self) -> "dict[str, int]":
        """Times of core/limits.py."""
        table = self.fields["times"]
        return {name: table[name] for name in table if isinstance(table[name], int)} if isinstance(table, dict) else {}

    def allowed(self) -> "list[str]":
        """Callers who may ring through."""
        numbers = self.fields["allow"]
        return [str(number) for number in numbers] if isinstance(numbers, (list, tuple)) else []

    def text(self, name: str) -> "str | None":
        """A text field, None where it is not set."""
        value = self.fields[name]
        return value if isinstance(value, str) else None

    def load(self, accepts: "Callable[[dict[str, object], int], bool]") -> None:
        """Take the stored configuration if it is whole and still valid; else stay with the shipped one."""
        stored = self.storage.read(FILE)
        if isinstance(stored, dict):
            self._take(stored, accepts)

    def apply(self, fields: "dict[str, object]", accepts: "Callable[[dict[str, object], int], bool]") -> str:
        """Take a decoded `config` message. Returns "" or why not. One that cannot be stored still applies."""
        reason = self._take(fields, accepts)
        if not reason:
            self.storage.write(FILE, self.fields)
        return reason

    def _take(self, fields: "dict[str, object]", accepts: "Callable[[dict[str, object], int], bool]") -> str:
        known = {name: fields[name] for name in SHIPPED if fields.get(name) is not None}
        try:
            # The same check for a stored file as for a message: an older firmware may have written it.
            checked = messages.decode("down", "config", messages.encode("down", "config", known))
        except ProtocolError as error:
            return "%s %s" % (error.reason, error.field or "")
        whole = dict(SHIPPED)
        for name in SHIPPED:
            if checked[name] is not None:
                whole[name] = checked[name]
        if isinstance(whole["srv"], str) and not _is_server(whole["srv"]):
            return "srv"
        plan, ver = whole["plan"], whole["ver"]
        if not isinstance(plan, dict) or not isinstance(ver, int) or not accepts(plan, ver):
            return "plan"
        self.fields = whole
        return ""


def _is_server(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and bool(port) and not port.strip("0123456789") and 0 < int(port) < 65_536
