"""Faults of a modem, its line, its card and its networks: by hand, from a script, or at random with a seed.

In: kinds with seconds, entries of a script, a rate. Out: the fault itself, an event when it begins and one when it
heals, and counts. Every fault heals after a bounded, drawn time unless a script says that it stays. It must never cut
one write of the modem in two for good: what was begun to be said is said.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tools.modem.fault_kinds import KINDS, FaultError, Options
from tools.modem.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tools.modem.core import Modem
    from tools.modem.timers import Timer

RATE = 60.0  # faults in an hour, where only a seed was given
MAX_SECONDS = 86_400.0
MAX_HELD = 64  # unsolicited lines kept for the middle of the next answer
URC_DELAY_S = (0.05, 3.0)  # a late line; each draws its own, so that they overtake each other
HEARD = ("fault", "healed")  # events of our own, which trigger nothing


@dataclass(frozen=True)
class Entry:
    """One fault of a script: at a time from the start, or on an event or command, `after` seconds later."""

    kind: str
    options: Options = field(default_factory=dict)
    seconds: float | None = None  # None: drawn; inf: until somebody heals it
    at: float | None = None
    on: str | None = None  # an event (`dial`), or a command as it begins (`+CIICR`)
    after: float = 0.0
    times: int = 1


class Faults:
    """All faults of one modem. `rng`, `rate` (faults an hour) and `kinds` make the random ones; 0 makes none."""

    def __init__(
        self,
        rng: random.Random | None = None,
        rate: float = 0.0,
        kinds: Iterable[str] = (),
        script: Sequence[Entry] = (),
    ) -> None:
        rng = rng or random.Random(0)
        # The plan of faults must not depend on how much was said meanwhile: what the wire draws is drawn apart.
        self._plan, self.rng = random.Random(rng.random()), random.Random(rng.random())
        self.rate = rate
        self.kinds = tuple(kinds) or tuple(name for name, kind in KINDS.items() if kind.random)
        for name in (*self.kinds, *(entry.kind for entry in script)):
            if name not in KINDS:
                raise FaultError(f"unknown fault {name!r}: one of {', '.join(KINDS)}")
        self.script = tuple(script)
        self.fired: Counter[str] = Counter()
        self.healed: Counter[str] = Counter()
        self.skipped = 0  # random ones whose kind stood already
        self.urcs: Counter[str] = Counter()  # unsolicited lines touched: lost, late, between
        self.options: dict[str, Options] = {}  # of the faults that stand
        self._ends: dict[str, Timer | None] = {}
        self._left = [entry.times for entry in self.script]
        self._held: list[str] = []
        self._modem: Modem | None = None

    @property
    def modem(self) -> Modem:
        """The modem that has these faults."""
        assert self._modem is not None  # noqa: S101 - the modem attaches itself as it is made
        return self._modem

    def attach(self, modem: Modem) -> None:
        """Begin: the script's times and the random ones count from now."""
        self._modem = modem
        self.wire = Wire(modem, self.on, self.rng)
        for entry in self.script:
            if entry.at is not None:
                self._later(entry.at, partial(self._begin, entry))
        self._draw_next()

    def tally(self) -> dict[str, Any]:
        """What has happened so far, for JSON: fired = healed + active, by kind."""
        return {
            "fired": dict(self.fired),
            "healed": dict(self.healed),
            "active": sorted(self._ends),
            "skipped": self.skipped,
            "urcs": dict(self.urcs),
        }

    def on(self, kind: str) -> bool:
        """Whether this fault stands now."""
        return kind in self._ends

    # Beginning and end.

    def start(self, kind: str, options: Options | None = None, seconds: float | None = None) -> float:
        """Let it happen; the seconds until it heals, drawn if None. One that stands already is only prolonged."""
        known = KINDS.get(kind)
        if known is None:
            raise FaultError(f"unknown fault {kind!r}: one of {', '.join(KINDS)}")
        options = dict(options or {})
        unknown = set(options) - set(known.options)
        if unknown:
            raise FaultError(f"{kind} has no {min(unknown)!r}")
        if seconds is None:
            seconds = self.rng.uniform(*known.lasts)
        if not (0 <= seconds <= MAX_SECONDS or seconds == math.inf):
            raise FaultError("seconds lie between 0 and a day")
        if known.lasts == (0.0, 0.0):
            seconds = 0.0
        fresh = kind not in self._ends
        if fresh:
            known.draw(self, options)
            self.options[kind] = options
            self._ends[kind] = None
            shown = {} if seconds == math.inf else {"seconds": round(seconds, 3)}
            self.fired[kind] += 1
            self.modem.event("fault", kind=kind, **shown, **options)
            known.begin(self, options)
        if kind in self._ends:  # what ends at once may have done so
            self._let_end(kind, seconds)
        return seconds

    def _let_end(self, kind: str, seconds: float) -> None:
        old = self._ends[kind]
        if old is not None and old.at >= self.modem.now + seconds:
            return
        if old is not None:
            old.cancel()
        if seconds == 0:
            self.heal(kind)
        else:
            self._ends[kind] = None if seconds == math.inf else self._later(seconds, lambda: self.heal(kind))

    def heal(self, kind: str) -> bool:
        """End it now; False if it does not stand."""
        if kind not in self._ends:
            return False
        timer = self._ends.pop(kind)
        if timer is not None:
            timer.cancel()
        options = self.options.pop(kind)
        self.healed[kind] += 1
        self.modem.event("healed", kind=kind)
        KINDS[kind].end(self, options)
        return True

    def heal_all(self) -> None:
        """A world without faults, until the next one."""
        for kind in list(self._ends):
            self.heal(kind)

    # When.

    def _later(self, seconds: float, do: Callable[[], object]) -> Timer:
        return self.modem.timers.after(seconds, do, lasting=True)

    def _begin(self, entry: Entry) -> None:
        self.start(entry.kind, entry.options, entry.seconds)

    def _draw_next(self) -> None:
        if self.rate <= 0:
            return
        wait = self._plan.expovariate(self.rate / 3600.0)
        kind = self._plan.choice(self.kinds)
        seconds = self._plan.uniform(*KINDS[kind].lasts)

        def do() -> None:
            if self.on(kind):
                self.skipped += 1  # never prolonged by chance: a soak relies on the bounds
            else:
                self.start(kind, None, seconds)
            self._draw_next()

        self._later(wait, do)

    def notice(self, name: str) -> None:
        """An event or a command of this name has just happened: what the script hangs on it begins."""
        if name in HEARD:
            return
        for place, entry in enumerate(self.script):
            if entry.on == name and self._left[place] > 0:
                self._left[place] -= 1
                # Never within what happens now: a power cut in the middle of an answer would be answered.
                self._later(entry.after, partial(self._begin, entry))

    # Unsolicited lines.

    def takes(self, text: str) -> bool:
        """Whether a fault has taken this unsolicited line away; then it comes later, or never."""
        if self.on("urc_lost"):
            self.urcs["lost"] += 1
            self.modem.dropped["urc"] += 1
            return True
        if self.on("urc_between") and len(self._held) < MAX_HELD:
            self._held.append(text)
            return True
        if self.on("urc_late"):
            self.urcs["late"] += 1
            # An ordinary timer: a reset forgets what it had not said.
            self.modem.timers.after(self.rng.uniform(*URC_DELAY_S), lambda: self.modem.say(text))
            return True
        return False

    def between(self) -> None:
        """The modem stands between a command's lines and its result: the place where a report hurts most."""
        held, self._held = self._held, []
        for text in held:
            self.urcs["between"] += 1
            self.modem.say(text)
        if self.on("urc_between"):
            self.urcs["between"] += 1
            self.modem.say(self.modem.radio.report("+CREG", 1))

    def forget(self) -> None:
        """The modem lost its power: what it held back is gone, what it had begun to say is said."""
        if self._held:
            self.modem.dropped["urc"] += len(self._held)
            self._held.clear()
        self.wire.flush()
