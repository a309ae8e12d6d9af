"""What was planted, written down before any of it is told: which findings must open and close, and when.

In: seconds since the history began. Out: lines of JSON on the disk (fsync). The product never sees them.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = 1e12  # seconds: later than any history


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """A finding that one planted fault makes: it opens in one stretch of time and closes in another."""

    fault: str  # names the planting
    device: str
    rule: str
    required: bool  # else it may open between open_from and close_by, or not at all
    open_from: float
    open_by: float
    close_from: float
    close_by: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
    """An outage of many terminals at once, which is one incident."""

    fault: str
    families: tuple[str, ...]  # any of them is right
    places: tuple[tuple[str, str], ...]  # (scope, place), any of them is right
    open_from: float
    open_by: float
    close_from: float
    close_by: float
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """All of one history."""

    expected: tuple[Expected, ...]
    areas: tuple[Area, ...] = ()


def write(truth: Truth, path: Path) -> None:
    """One line each, on the disk when this returns."""
    with path.open("w", encoding="utf-8") as file:
        rows = [("expected", asdict(each)) for each in truth.expected] + [
            ("area", asdict(each)) for each in truth.areas
        ]
        for name, fields in rows:
            file.write(json.dumps({"what": name, **fields}, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Truth:
    """As written."""
    expected: list[Expected] = []
    areas: list[Area] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)
            if fields.pop("what") == "expected":
                expected.append(Expected(**fields))
                continue
            for name in ("families", "members"):
                fields[name] = tuple(fields[name])
            areas.append(Area(**{**fields, "places": tuple((scope, place) for scope, place in fields["places"])}))
    return Truth(tuple(expected), tuple(areas))
