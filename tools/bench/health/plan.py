"""What happens in a history: acts of terminals and people, our own outages, and what must be found of it. Pure.

Times are seconds since the history began. A planting takes a stretch of a terminal's time for itself, so that two
faults never explain one finding.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from cloud.devices.rules import SILENT_BEATS
from cloud.health.thresholds import SHIPPED
from tools.bench.health.town import DAY, HOUR, Terminal
from tools.bench.health.truth import FOREVER, Area, Expected, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

# From a fault to the look that must know of it: the slowest message (110 s), a reconnect (120 s), settling (120 s).
HEARD_S = 360.0
LOOK_S = 600
# A day of seven whole days may be poor without a finding; more than this of silence may make one.
UNSTEADY_S = 12 * HOUR
WEEK = 7 * DAY


class Act(NamedTuple):
    """Something that happens to one terminal, or to its row of the registry."""

    at: float
    order: int
    terminal: int
    what: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """Of our own front door. `held`: the broker went on and kept what it was given; else it was away too."""

    begin: float
    end: float
    held: bool


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one history."""

    terminals: int
    days: int
    seed: int = 1
    beat_s: int = 1800
    look_s: int = LOOK_S

    @property
    def until(self) -> float:
        """The last look."""
        return self.days * float(DAY)

    @property
    def sos_days(self) -> int:
        """How long a red key may be unproven: as shipped, or as long as a short history can show."""
        return min(35, max(4, self.days // 2))

    @property
    def keys_days(self) -> int:
        """The same for keys that nobody pressed."""
        return min(30, max(2, self.days // 3))

    @property
    def thresholds(self) -> dict[str, float]:
        """What differs from the shipped ones."""
        shipped = {each.name: each.value for each in SHIPPED}
        wanted = {"sos_unproven_days": float(self.sos_days), "key_untested_days": float(self.keys_days)}
        return {name: value for name, value in wanted.items() if shipped[name] != value}

    @property
    def silent_s(self) -> float:
        """How long is silence, as the rule has it."""
        return max(1800.0, SILENT_BEATS * float(self.beat_s))


@dataclass
class Plan:
    """Filled by faults.py, areas.py and calm.py; read by the stream and the judge."""

    sizes: Sizes
    town: Sequence[Terminal]
    outages: list[Outage] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    pauses: list[tuple[int, int, int]] = field(default_factory=list)  # terminal, first day, day of return
    begins: dict[int, float] = field(default_factory=dict)  # switched on later than installed
    csq: dict[int, int] = field(default_factory=dict)
    trial: set[int] = field(default_factory=set)
    expires: dict[int, int] = field(default_factory=dict)  # last day of a card's plan, as day of the history
    untested: dict[int, str] = field(default_factory=dict)  # key that nobody presses at the installation
    tests: dict[int, list[float]] = field(default_factory=dict)  # of the red key
    away: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))  # nobody can press
    planted: dict[str, int] = field(default_factory=dict)
    not_planted: list[str] = field(default_factory=list)  # no room or no time for them here
    _busy: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def act(self, at: float, terminal: Terminal, what: str, *args: Any) -> None:
        """At that moment."""
        self.acts.append(Act(at, len(self.acts), terminal.number, what, args))

    def begin_of(self, terminal: Terminal) -> float:
        """When it is switched on for the first time."""
        return self.begins.get(terminal.number, terminal.begins)

    def free(self, terminal: Terminal, begin: float, end: float) -> bool:
        """Whether nothing else is planted there then."""
        return all(end <= a or b <= begin for a, b in self._busy[terminal.number])

    def take(self, terminal: Terminal, begin: float, end: float) -> None:
        """Nothing else there then."""
        self._busy[terminal.number].append((begin, end))

    def due(self, since: float, lasting: float) -> float:
        """When it has lasted so long by a clock that stands still in our outages."""
        at, left = since, lasting
        for outage in self.outages:
            if outage.end <= at:
                continue
            if outage.begin > at + left:
                break
            left -= max(0.0, outage.begin - at)
            at = outage.end
        return at + left

    def heard(self, at: float) -> float:
        """By when a look must know of what was told then."""
        return self.due(at, HEARD_S) + self.sizes.look_s

    def need(
        self, fault: str, terminal: Terminal, rule: str, since: float, limit: float, until: float = FOREVER,
        *, early: float = 0.0, late: float = 0.0, late_close: float = 0.0, close_from: float | None = None,
    ) -> None:  # fmt: skip
        """This finding must open when `since` has lasted for `limit`, and close after `until`.

        `early`, `late`: how much sooner and later it may open. What an outage of ours makes too short need not open.
        """
        open_by = self.due(since, limit) + late
        open_by = self.heard(open_by)
        self.expected.append(
            Expected(
                fault=fault, device=terminal.device, rule=rule, required=open_by <= until,
                open_from=since + limit - early, open_by=open_by,
                close_from=until if close_from is None else close_from,
                close_by=FOREVER if until >= FOREVER else self.heard(until + late_close),
            )
        )  # fmt: skip

    def allow(self, fault: str, terminal: Terminal, rule: str, since: float, until: float) -> None:
        """This one may open as a consequence."""
        by = self.heard(until)
        self.expected.append(
            Expected(fault=fault, device=terminal.device, rule=rule, required=False, open_from=since, open_by=by,
                     close_from=since, close_by=by)
        )  # fmt: skip

    def dark(self, fault: str, terminal: Terminal, begin: float, end: float) -> None:
        """Nothing can be heard of it: silence, and where that is long, a poor week."""
        beat = self.sizes.beat_s
        self.need(fault, terminal, "silent", begin, self.sizes.silent_s, end, early=2 * beat)
        if end - begin > UNSTEADY_S:
            self.allow(fault, terminal, "unsteady", begin, end + WEEK + DAY)

    @property
    def truth(self) -> Truth:
        """What is written down."""
        return Truth(tuple(self.expected), tuple(self.areas))


def outages(sizes: Sizes) -> list[Outage]:
    """Ours: of 20 minutes to 5 hours, by turns with the broker and without; on the moments of looks."""
    rnd = random.Random(f"outages {sizes.seed}")
    count, look = max(1, sizes.days // 10), sizes.look_s
    each = sizes.until / count
    found = []
    for number in range(count):
        lasts = rnd.choice((1200, 2400, HOUR, 2 * HOUR, 5 * HOUR))
        begin = number * each + max(each * 0.2, 0.6 * DAY) + rnd.random() * max(each * 0.6 - lasts - 0.6 * DAY, 0)
        begin = begin // look * look
        found.append(Outage(begin, begin + max(lasts // look, 1) * look, number % 2 == 0))
    return found
