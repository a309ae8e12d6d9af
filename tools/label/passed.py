"""Whether a device's last word on this bench is a passed acceptance test.

In: the lines of a bench's records.jsonl and the bench's public key. Out: the record, or NotPassedError saying why there
will be no label. One line that does not belong condemns the file: a label must not rest on records that were edited.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud.stock.record import FIRST, RecordError, line_hash, parse, verify


class NotPassedError(Exception):
    """No label: `chinese` and `english` say why, in one line each."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese} / {english}")
        self.chinese = chinese
        self.english = english


class DamagedError(NotPassedError):
    """The bench's records were changed, cut or are another bench's."""


def lines(text: str) -> list[str]:
    """The whole lines of a file: a last one without its end is what a cut left, and says nothing."""
    return text.split("\n")[:-1]


def last_pass(records: Sequence[str], public_key: bytes, device_id: str) -> dict[str, Any]:
    """The fields of the device's passed test, if nothing came after it: a later provisioning wants a new test."""
    last: dict[str, Any] | None = None
    prev = FIRST
    for number, line in enumerate(records, 1):
        try:
            fields = parse(line)
            verify(fields, public_key)
        except RecordError as error:
            raise DamagedError(f"工位记录第 {number} 行不可信", f"line {number} of the records: {error}") from None
        if fields["prev"] != prev:
            raise DamagedError(
                f"工位记录在第 {number} 行前被改动", f"line {number} of the records does not follow the one before"
            )
        prev = line_hash(line)
        if fields["device"] == device_id:
            last = fields
    if last is None:
        raise NotPassedError("本工位没有这台终端的记录", "this bench has no record of that terminal")
    if last["kind"] != "accept":
        raise NotPassedError("写入身份以后还没有做过检验", "no acceptance test since it was provisioned")
    if not last["passed"]:
        raise NotPassedError("最近一次检验没有通过，不能打印标签", "its last acceptance test did not pass: no label")
    return last
