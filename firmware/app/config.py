"""What the district sets: the stored plan per key, heartbeats, volumes, callers, times.

In: two stored copies, the red key's ladder in the chip's own storage, `config` messages. Out: the configuration in
force. The newest whole copy counts; without one the red key dials what the chip's storage holds, and without that what
stands in the code. Must never apply half of a configuration, or one without a ladder for the red key.
"""

from firmware.app.storage import Storage
from firmware.core.lines import pack, unpack
from protocol import const, messages
from protocol.errors import ProtocolError

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.hal.base import Nvs

_COPIES = const(
    ("config.a", "config.b")
)  # each holds {"n": serial number, "c": fields}; the higher number is the newer one
_NVS_SOS = const("sos")  # a ladder as in `plan`, packed

# An invented number. A district's own desk is written at provisioning and kept up to date by `config` messages.
_DESK = const((("值班台", "01055500000", 40, 1),))

SHIPPED: "dict[str, object]" = {
    "ver": 0,
    "hb": 600,
    "plan": {key: _DESK for key in ("sos", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9")},
    "vol": 90,
    "ring": 80,
    "allow": (),
    "back": 60,
    "times": {},
    "srv": None,
    "apn": "cmiot",
    "sms": None,
    "who": None,
    "em112": 0,
}


class Config:
    """The configuration in force. `accepts` of load and apply is the ladder's own check of the plans."""

    def __init__(self, storage: Storage, nvs: "Nvs | None" = None) -> None:
        self.storage = storage
        self.nvs = nvs
        self.fields = dict(SHIPPED)
        self.unsaved = False  # storage does not hold twice what is in force
        self._serial = 0  # of the newest copy
        self._newest = ""  # its file

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
        """Take the newest copy that is whole and still valid; else the red key's ladder; else what is shipped."""
        copies = []
        for name in _COPIES:
            stored = self.storage.read(name)
            serial = stored.get("n") if isinstance(stored, dict) else None
            if isinstance(stored, dict) and isinstance(serial, int):
                copies.append((serial, name, stored.get("c")))
        copies.sort(key=lambda copy: -copy[0])
        self._serial = copies[0][0] if copies else 0
        for serial, name, fields in copies:
            if isinstance(fields, dict) and not self._take(fields, accepts):
                self._newest = name
                self.unsaved = len([copy for copy in copies if copy[0] == serial]) < len(_COPIES)
                return
        self._load_numbers(accepts)

    def _load_numbers(self, accepts: "Callable[[dict[str, object], int], bool]") -> None:
        """Without any copy: the red key dials its own ladder, every other key the desk of that ladder."""
        raw = None if self.nvs is None else self.nvs.get(_NVS_SOS)
        ladder = unpack(raw) if raw else None
        if not isinstance(ladder, list):
            return
        shipped = SHIPPED["plan"]
        staffed = [rung for rung in ladder if isinstance(rung, list) and len(rung) == 4 and rung[3] == 1]
        plan: "dict[str, object]" = {key: staffed for key in shipped} if isinstance(shipped, dict) else {}
        plan["sos"] = ladder
        # Version 0, so that the cloud sees that the rest of the configuration is missing, and sends it.
        if accepts(plan, 0):
            self.fields = dict(SHIPPED)
            self.fields["plan"] = plan

    def apply(self, fields: "dict[str, object]", accepts: "Callable[[dict[str, object], int], bool]") -> str:
        """Take a decoded `config` message. Returns "" or why not. One that cannot be stored still applies."""
        before = self.fields
        reason = self._take(fields, accepts)
        if not reason and (self.unsaved or self.fields != before):
            self.unsaved = True
            self.save()
        return reason

    def save(self) -> bool:
        """Store what is in force, if that is not stored twice: over the older copy first, a cut leaves the other."""
        if not self.unsaved:
            return True
        older = [name for name in _COPIES if name != self._newest]
        self._serial += 1
        whole = {"n": self._serial, "c": self.fields}
        for name in older + [one for one in _COPIES if one not in older]:
            if not self.storage.write(name, whole):
                return False
            self._newest = name
        self.unsaved = not self._save_numbers()
        return not self.unsaved

    def _save_numbers(self) -> bool:
        line = pack(self.plans().get("sos"))
        if self.nvs is None or self.nvs.get(_NVS_SOS) == line:
            return True
        return self.nvs.set(_NVS_SOS, line)

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
