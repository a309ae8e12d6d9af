"""What terminals send, moment by moment, as the bytes of their messages. In: a plan. Out: arrivals, in order.

A terminal keeps what it could not send and sends it when it can; heartbeats are not kept. Everything is drawn from the
seed: the same plan gives the same bytes. Nothing of the truth is in it.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol import topics
from tools.bench.health.town import DAY
from tools.bench.health.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.bench.health.plan import Act, Plan

LOST = 0.01  # heartbeats
AGAIN = 0.005  # messages that come twice
SLOW, SLOW_S = 0.005, 110.0  # messages that take so long at most, and are overtaken
RECONNECT_S = 120.0
DRAIN_S = 30.0  # what the broker held comes in order
DAY_RECORDS_S = 1800.0  # after midnight, spread over so long
CALL_STEPS = ((3.0, "dial"), (15.0, "talk"))


class Arrival(NamedTuple):
    """One message at our door. `device` and `press`: for whoever works at the desk."""

    at: float
    order: int
    topic: str
    payload: bytes
    beat: bool
    device: str
    press: bool


class Stream:
    """`slot` after `slot`, without a gap."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rnd = random.Random(f"stream {plan.sizes.seed}")
        self._units = [Unit(it, plan) for it in plan.town]
        self._by_phase = sorted((it.phase, it.number) for it in plan.town)
        self._phases = [phase for phase, _ in self._by_phase]
        self._acts = plan.acts
        self._place = 0  # of the next act
        self._later: list[Arrival] = []
        self._more: list[tuple[float, int, int, str, tuple[Any, ...]]] = []  # acts that follow from others
        self._order = 0
        self.beats = 0
        self.kept = 0  # receipted messages that were made

    def slot(self, begin: float, end: float) -> list[Arrival]:
        """What arrives between these two moments, in order."""
        out = self._later_than(end)
        for at, what, number, args in self._happens(begin, end):
            unit = self._units[number]
            if what == "beat":
                self._beat(unit, at)
            else:
                self._apply(unit, at, what, args)
        out += self._later_than(end)
        return sorted(out)

    def _later_than(self, end: float) -> list[Arrival]:
        found = []
        while self._later and self._later[0].at < end:
            found.append(heapq.heappop(self._later))
        return found

    def _happens(self, begin: float, end: float) -> Iterator[tuple[float, str, int, tuple[Any, ...]]]:
        """Acts and heartbeats of the slot by time; acts that follow from acts are taken in as they come."""
        beats = sorted(self._beats_due(begin, end))
        place = 0
        for day in range(int(begin // DAY), int(end // DAY) + 1):
            if day >= 1 and begin <= day * DAY < end:
                for unit in self._units:
                    self._follow(day * DAY + 1 + unit.spread * DAY_RECORDS_S, unit, "day", day - 1)
        for outage in self._plan.outages:
            if not outage.held and begin <= outage.end < end:
                for unit in self._units:
                    self._follow(outage.end + unit.spread * RECONNECT_S, unit, "flush")
        while True:
            times = [
                beats[place][0] if place < len(beats) else end,
                self._acts[self._place].at if self._place < len(self._acts) else end,
                self._more[0][0] if self._more else end,
            ]
            first = min(times)
            if first >= end:
                return
            if times[1] == first:
                act: Act = self._acts[self._place]
                self._place += 1
                yield act.at, act.what, act.terminal, act.args
            elif times[2] == first:
                at, _, number, what, args = heapq.heappop(self._more)
                yield at, what, number, args
            else:
                yield beats[place][0], "beat", beats[place][1], ()
                place += 1

    def _beats_due(self, begin: float, end: float) -> Iterator[tuple[float, int]]:
        beat = self._plan.sizes.beat_s
        for turn in range(int(begin // beat), int(end // beat) + 1):
            base = turn * beat
            low, high = bisect_left(self._phases, begin - base), bisect_left(self._phases, end - base)
            for phase, number in self._by_phase[low:high]:
                yield base + phase, number

    def _follow(self, at: float, unit: Unit, what: str, *args: Any) -> None:
        self._order += 1
        heapq.heappush(self._more, (at, self._order, unit.it.number, what, args))

    # What a terminal does.

    def _beat(self, unit: Unit, at: float) -> None:
        if not unit.on or at < unit.busy_until:
            return
        drawn = self._rnd.random()
        unit.turn += 1
        # Never two in a row: three would be silence.
        by_chance = unit.loss == 1 and unit.missed == 0 and drawn < LOST
        lost = unit.turn % 2 == 0 if unit.loss == 2 else by_chance
        if lost or not self._can_send(unit, at):
            unit.missed += 1
            return
        self.beats += 1
        self._send(unit, at, "hb", unit.beat(at, drawn))

    def _apply(self, unit: Unit, at: float, what: str, args: tuple[Any, ...]) -> None:
        if what == "on":
            unit.start(at)
            self._tell(unit, at, "boot", unit.boot_body(args[0]))
            self._follow(at + 40 + 20 * unit.spread, unit, "beat_now")
        elif what == "off":
            unit.stop(at)
        elif what == "boot":
            self._boot(unit, at, *args)
        elif what == "blip":
            unit.link = unit.missed > 0  # behind a lost heartbeat it would be a longer silence than meant
        elif what == "link":
            unit.link = bool(args[0])
            if unit.link:
                self._flush(unit, at)
        elif what == "mains":
            unit.mains = bool(args[0])
            self._tell(unit, at, "event", {"ev": "mains_back" if unit.mains else "mains_lost"})
        elif what == "event":
            self._tell(unit, at, "event", {"ev": args[0], "val": args[1] if len(args) > 1 else None})
        elif what == "press":
            self._press(unit, at, *args)
        else:
            self._rest(unit, at, what, args)

    def _rest(self, unit: Unit, at: float, what: str, args: tuple[Any, ...]) -> None:
        if what == "set":
            setattr(unit, args[0], args[1])
        elif what == "pct":
            unit.pct, unit.pct_at, unit.pct_slope = args[0], at, args[1]
        elif what == "call":
            self._tell(unit, at, "call", args[0])
        elif what == "state" and unit.on and self._can_send(unit, at):
            self._send(unit, at, "state", unit.encoded("state", unit.message(at, {"st": args[0]}), at))
        elif what == "flush":
            self._flush(unit, at)
        elif what == "beat_now":
            self._beat(unit, at)
        elif what == "day":
            body = unit.day_body(args[0], self._rnd.random())
            if body is not None:
                self._tell(unit, at, "day", body)

    def _boot(self, unit: Unit, at: float, cause: str, firmware: str | None = None) -> None:
        if firmware is not None:
            unit.firmware = firmware
        unit.stop(at)
        unit.start(at)
        self._tell(unit, at + 1, "boot", unit.boot_body(cause))

    def _press(self, unit: Unit, at: float, key: str, talk_s: int) -> None:
        """The press leaves before the call takes the line away from data; the steps of the call come after it."""
        if not unit.on:
            return
        how = "test" if key == "sos" else "short"
        press = self._tell(unit, at, "press", {"key": key, "hold": 900, "how": how})
        if not talk_s:
            return
        end = at + CALL_STEPS[-1][0] + talk_s
        unit.busy_until = end
        common = {"ref": press, "to": "坐席", "rung": 0, "cycle": 0, "src": "stored", "ver": 1}
        for after, step in CALL_STEPS:
            self._follow(at + after, unit, "call", {**common, "step": step})
        self._follow(end, unit, "call", {**common, "step": "end", "dur": talk_s, "cause": "remote_hangup"})
        self._follow(end + 2, unit, "flush")

    def _tell(self, unit: Unit, at: float, kind: str, body: dict[str, Any]) -> str:
        """A receipted message: now, or when there is a line. Its id."""
        said = unit.message(at, body)
        if not unit.on:
            return str(said["id"])
        self.kept += 1
        if self._can_send(unit, at) and at >= unit.busy_until:
            self._send(unit, at, kind, unit.encoded(kind, said, at))
        else:
            unit.waiting.append((kind, said, unit.boot))
        return str(said["id"])

    def _flush(self, unit: Unit, at: float) -> None:
        """What waited, some of it out of order."""
        if not unit.waiting or not unit.on or not self._can_send(unit, at):
            return
        waited, unit.waiting = unit.waiting, []
        if len(waited) > 1 and self._rnd.random() < 0.2:
            waited.reverse()
        for place, (kind, said, boot) in enumerate(waited):
            self._send(unit, at + 0.4 * place, kind, unit.encoded(kind, said, at + 0.4 * place, boot))

    def _can_send(self, unit: Unit, at: float) -> bool:
        if not unit.link:
            return False
        return not any(each.begin <= at < each.end and not each.held for each in self._plan.outages)

    def _send(self, unit: Unit, at: float, kind: str, payload: bytes) -> None:
        drawn = self._rnd.random()
        takes = 0.3 + 2.0 * drawn
        if drawn < SLOW:
            takes = SLOW_S * self._rnd.random()
        press = kind == "press"
        self._arrive(at + takes, unit, kind, payload, press=press)
        if drawn > 1 - AGAIN:
            self._arrive(at + takes + 5 + 600 * (drawn - 1 + AGAIN) / AGAIN, unit, kind, payload, press=press)

    def _arrive(self, at: float, unit: Unit, kind: str, payload: bytes, *, press: bool) -> None:
        self._order += 1
        for outage in self._plan.outages:
            if outage.begin <= at < outage.end:  # the broker has it, and hands it over when we are back
                at = outage.end + DRAIN_S * (at - outage.begin) / (outage.end - outage.begin)
        topic = f"{topics.PREFIX}/up/{kind}/{unit.it.device}"
        heapq.heappush(self._later, Arrival(at, self._order, topic, payload, kind == "hb", unit.it.device, press))
