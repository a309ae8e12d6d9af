"""The open alarm in the chip's own key-value storage: a broken file system must not end an emergency.

In: dumps of the ladder. Out: the last of them after a restart, unless it is of long ago.
Must never raise, nor keep more than fits: a dump too large loses names before it loses anybody.
"""

from firmware.core import resume
from firmware.core.lines import pack, unpack
from firmware.hal.base import NVS_BLOB_MAX
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.hal.base import Nvs

_NAME = const("alarm")


class Kept:
    """One alarm. `damaged`: there was one that could not be read."""

    def __init__(self, nvs: "Nvs") -> None:
        self.nvs = nvs
        self.damaged = False
        self._check = b""  # of what is stored, its checksum and size: the same again is no write

    def load(self) -> "dict[str, object] | None":
        """The stored alarm, or None."""
        raw = self.nvs.get(_NAME)
        if raw is None:
            return None
        value = unpack(raw)
        self.damaged = not isinstance(value, dict)
        self._check = _check(raw)
        return value if isinstance(value, dict) else None

    def store(self, dump: "dict[str, object] | None", epoch: "int | None") -> bool:
        """Keep it, or forget it (None). `epoch`: s since 1970 if known. False: it could not be written."""
        if dump is None:
            self.nvs.remove(_NAME)
            self._check = b""
            return True
        dump["t"] = epoch
        raw = pack(dump)
        step = 0
        while len(raw) > NVS_BLOB_MAX and resume.shorten(dump, step):
            raw = pack(dump)
            step += 1
        if _check(raw) != self._check:
            if not self.nvs.set(_NAME, raw):
                return False
            self._check = _check(raw)
        return True


def _check(raw: bytes) -> bytes:
    """What stands for a line here: its own checksum, which it begins with, and its size. Lines are up to 1.9 KB."""
    return b"%s %d" % (raw[:8], len(raw))
