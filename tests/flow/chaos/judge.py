"""What is asked of the books after a chaos run. In: what was written down, what is stored, when what was killed.

Pure: it shares nothing with the code that it judges but the names of fields, and does not know how the faults are made.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A broker that was killed has forgotten up to a second, and what terminals said until they noticed.
BEFORE_S, AFTER_S = 5.0, 5.0
SHOWN_MAX = 20  # ids of one kind of mistake


@dataclass(frozen=True)
class Said:
    """One message as it was written down before it was sent, or as it is stored. `at`: when it was sent, s."""

    device: str
    id: str
    kind: str
    body: dict[str, Any] = field(hash=False)
    at: float = 0.0

    @property
    def name(self) -> tuple[str, str]:
        """Whose, and which."""
        return self.device, self.id


@dataclass(frozen=True)
class Fault:
    """What was done to whom, and from when to when it was not as it should be, s."""

    what: str
    whom: str
    begun: float
    ended: float


@dataclass(frozen=True)
class Found:
    """Mistakes by id, worst first; `beats_lost` is none where the broker was killed around it."""

    lost: list[tuple[str, str]]
    doubled: list[tuple[str, str]]
    altered: list[tuple[str, str]]
    beats_lost: list[tuple[str, str]]
    beats_lost_without_cause: list[tuple[str, str]]

    @property
    def clean(self) -> bool:
        """Nothing is wrong."""
        return not (self.lost or self.doubled or self.altered or self.beats_lost_without_cause)

    def told(self) -> str:
        """For whoever must find out why."""
        parts = {name: value for name, value in vars(self).items() if value}
        return "; ".join(f"{name} {len(value)}: {value[:SHOWN_MAX]}" for name, value in parts.items()) or "clean"


def read_sent(lines: Iterable[str]) -> list[Said]:
    """The sent file. A killed writer leaves whole lines."""
    return [Said(**json.loads(line)) for line in lines]


def judge(sent: Sequence[Said], stored: Sequence[Said], faults: Sequence[Fault]) -> Found:
    """Receipted messages once and as they were; heartbeats at most once, missing only around a killed broker."""
    wanted = {each.name: each for each in sent}
    there = Counter(each.name for each in stored)
    missing = [each for each in sent if each.name not in there]
    beats_lost = [each for each in missing if each.kind == "hb"]
    return Found(
        lost=[each.name for each in missing if each.kind != "hb"],
        doubled=[name for name, times in there.items() if times > 1],
        altered=[each.name for each in stored if each.name in wanted and not _same(each, wanted[each.name])],
        beats_lost=[each.name for each in beats_lost],
        beats_lost_without_cause=[each.name for each in beats_lost if not _excused(each, faults)],
    )


def tried(sent: Sequence[Said], day_of: Any) -> Counter[tuple[str, Any]]:
    """Heartbeats of each terminal on each day."""
    return Counter((each.device, day_of(each.body["t"])) for each in sent if each.kind == "hb")


def _same(stored: Said, sent: Said) -> bool:
    """What is stored says what was sent; of a heartbeat not every field has a column."""
    told = {name: value for name, value in sent.body.items() if value is not None and name != "s"}
    if stored.kind == "hb":
        told = {name: told.get(name) for name in stored.body}
    have = {name: value for name, value in stored.body.items() if name not in {"s", "v"}}
    return stored.kind == sent.kind and have == {name: value for name, value in told.items() if name != "v"}


def _excused(lost: Said, faults: Sequence[Fault]) -> bool:
    killed = [each for each in faults if each.whom == "broker" and each.what == "killed"]
    return any(each.begun - BEFORE_S <= lost.at <= each.ended + AFTER_S for each in killed)
