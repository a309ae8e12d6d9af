"""What a label says, and what may not be printed.

In: facts of one passed device. Out: a checked label, or BadLabelError saying which of them will not do. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.codes import KEYS
from protocol.topics import is_device_id
from tools.paper import fonts

SERIAL_CHARS_MAX = 32  # as records have it; on the small label it takes two lines of 6 pt
HOTLINE_CHARS_MAX = 20  # an international number with its spaces
_HOTLINE = frozenset("0123456789 -+")


class BadLabelError(Exception):
    """A label that must not be printed: `chinese` and `english` say why, in one line each."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese} / {english}")
        self.chinese = chinese
        self.english = english


@dataclass(frozen=True)
class Label:
    """One device's label. `keys` are (code, what it does) in the order of the unit; `passed_at` carries its zone."""

    device_id: str
    keys: Sequence[tuple[str, str]]
    trial: bool
    passed_at: datetime
    serial: str
    hotline: str = ""  # the district's, for whoever finds the unit dead; empty: not printed

    def __post_init__(self) -> None:
        if not is_device_id(self.device_id):
            raise BadLabelError("设备编号不合规", "not a device id")
        if self.passed_at.tzinfo is None:
            raise BadLabelError("检验时间没有时区", "the time of the test has no time zone")
        if not self.serial.isascii() or not self.serial.isprintable() or not 0 < len(self.serial) <= SERIAL_CHARS_MAX:
            raise BadLabelError(f"序列号须为 1-{SERIAL_CHARS_MAX} 个英文字符", "the serial number will not do")
        if len(self.hotline) > HOTLINE_CHARS_MAX or not _HOTLINE.issuperset(self.hotline):
            raise BadLabelError("热线号码不合规", "the hotline is not a phone number")
        self._check_keys()

    def _check_keys(self) -> None:
        codes = [code for code, _legend in self.keys]
        if "sos" not in codes or len(set(codes)) != len(codes) or not set(codes) <= set(KEYS):
            raise BadLabelError("按键表不对：须有红键，且不重复", "the keys need sos, each once, all known")
        for code, legend in self.keys:
            if not legend.strip() or not legend.isprintable():
                raise BadLabelError(f"按键 {code} 没有用途文字", f"key {code} has no legend")
            if gone := fonts.missing(legend):
                raise BadLabelError(f"字体没有这些字：{gone}", f"the font lacks {gone}")
