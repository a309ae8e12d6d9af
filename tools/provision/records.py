"""What this bench says about its boards: a file of signed lines, each chained to the one before.

In: the fields of a record. Out: its number; on disk when it is told. What a board is, is not said twice in a row, so
that a step that is run again leaves no second record; every test is said, for each has a date of its own. What a power
cut left half written at the end never counted.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from cloud.stock import record
from tools.board.bench import append
from tools.provision import reservation

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

FILE = "records.jsonl"
_CHAIN = ("v", "bench", "n", "at", "prev", "sig")


def say(folder: Path, fields: dict[str, Any], now: datetime) -> int:
    """Sign these fields (`kind`, `device` … of cloud/stock/record.py) and append them. The record's number."""
    with reservation.held(folder):
        lines = _lines(folder / FILE)
        last = _last_of(lines, fields["device"], "provision")
        if last is not None and {name: last[name] for name in last if name not in _CHAIN} == fields:
            return int(last["n"])
        bench = reservation.plan(folder).bench
        whole = {**fields, "bench": bench, "n": len(lines) + 1, "at": record.stamp(now)}
        line = record.sign(whole, record.line_hash(lines[-1]) if lines else record.FIRST, reservation.key(folder))
        append(folder / FILE, line.encode() + b"\n")
        return len(lines) + 1


def latest(folder: Path, device_id: str, kind: str) -> dict[str, Any] | None:
    """What was last said of this kind about a terminal."""
    return _last_of(_lines(folder / FILE), device_id, kind)


def _last_of(lines: list[str], device_id: str, kind: str) -> dict[str, Any] | None:
    for line in reversed(lines):
        if device_id in line:
            found: dict[str, Any] = json.loads(line)
            if (found["device"], found["kind"]) == (device_id, kind):
                return found
    return None


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
            os.fsync(file.fileno())
    return whole.decode().splitlines()
