"""The calls of one press: rung after rung of the route, or of the stored plan where none comes in time.

In: a home with its luck and its pace, the cloud's words for this press. Out: steps of calls as messages.
Ends as the contract says: a person who is staffed has talked, the desk has accepted, or the user takes it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from tools.simulated.household import ANSWERED

if TYPE_CHECKING:
    from tools.simulated.household import Rung
    from tools.simulated.terminal import Terminal

CYCLES = 3  # rounds of the ladder before the slow pace
CYCLE_MAX = 99
_LAMPS = {"dial": "calling", "ring": "ringing", "talk": "talking"}


class Alarm:
    """`run` once."""

    def __init__(self, home: Terminal, ref: str, key: str, plan: list[Rung], version: int) -> None:
        self.ref = ref
        self._home = home
        self._key = key
        self._plan = plan
        self._told: dict[str, Any] = {"src": "stored", "ver": version}
        self._routed = asyncio.Event()
        self._new_route = False
        self._accepted = self._closed = False

    def route(self, fields: dict[str, Any]) -> None:
        """Whom to dial instead, from the next dial on; of two the higher version counts."""
        if self._told["src"] == "route" and fields["ver"] <= self._told["ver"]:
            return
        self._plan = fields["plan"]
        self._told = {"src": "route", "ver": fields["ver"], "case": fields["case"]}
        self._new_route = True
        self._routed.set()

    def desk(self, word: str) -> None:
        """What a person at the desk did."""
        self._accepted = self._accepted or word in {"accepted", "on_the_way"}
        self._closed = self._closed or word == "closed"

    async def run(self) -> None:
        """Until somebody helps."""
        home = self._home
        with contextlib.suppress(TimeoutError):
            # Without data no route can come: the stored plan is dialled at once.
            await asyncio.wait_for(self._routed.wait(), home.pace.route_wait if home.is_connected else 0)
        for cycle in range(CYCLES):
            if await self._round(cycle):
                return
        home.happened("event", ev="ladder_exhausted", ref=self.ref)
        home.tell(lamp="nobody")
        cycle = CYCLES
        while self._key == "sos" and not self._closed:
            await asyncio.sleep(home.pace.slow)
            if await self._round(min(cycle, CYCLE_MAX)):
                return
            cycle += 1

    async def _round(self, cycle: int) -> bool:
        """Whether it is over."""
        place = 0
        self._new_route = False
        while place < len(self._plan) and not self._accepted:
            rung = self._plan[place]
            talked = await self._call(rung, {"ref": self.ref, "to": rung[0], "rung": place, "cycle": cycle})
            if talked and (self._key != "sos" or rung[3]):
                return True
            place, self._new_route = 0 if self._new_route else place + 1, False
        return self._accepted

    async def _call(self, rung: Rung, facts: dict[str, Any]) -> bool:
        """Call one target; whether somebody talked."""
        home, facts = self._home, {**facts, **self._told}
        home.counts.calls += 1
        self._step("dial", facts)
        try:
            home.hold_line(held=True)
            self._step("ring", facts)
            await asyncio.sleep(home.pace.ring)
            outcome = home.household.outcome(rung)
            if outcome != ANSWERED:
                self._step("fail", facts, cause=outcome)
                return False
            self._step("talk", facts)
            home.daybook.count("answered")
            began = time.monotonic()
            await asyncio.sleep(home.pace.talk)
            self._step("end", facts, dur=round(time.monotonic() - began), cause="remote_hangup")
            return True
        except asyncio.CancelledError:
            self._step("fail", facts, cause="local_hangup")
            raise
        finally:
            home.hold_line(held=False)

    def _step(self, step: str, facts: dict[str, Any], **more: Any) -> None:
        self._home.happened("call", step=step, **facts, **more)
        if step in _LAMPS:
            self._home.tell(lamp=_LAMPS[step], to=facts["to"])
