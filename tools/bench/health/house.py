"""The cloud on a simulated clock: its own ingest, sweep, look and desk, each at the moment that it is told.

In: arrivals of a slot. Out: commits. Heartbeats go the way of their lane (COPY, then one transaction a batch), every
other message through `take`; the order of each terminal's messages is kept. Nothing here writes a table of the product.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from cloud import db
from cloud.calls import actions as calls
from cloud.calls import store as cases
from cloud.carrier import actions as carrier
from cloud.devices import actions as devices
from cloud.devices.models import DOORS
from cloud.down import rules as down_rules
from cloud.down import store as down
from cloud.health import actions as health
from cloud.ingest import beatstore
from cloud.ingest.beatline import line
from cloud.ingest.models import Arrival as Handed
from cloud.ingest.take import take
from cloud.run.sweep import Sweep
from cloud.sealed import Box
from tools.bench.health import registry
from tools.bench.health.operator import Operator
from tools.bench.health.town import START

if TYPE_CHECKING:
    from types import TracebackType

    from cloud.db import Conn
    from cloud.settings import Settings
    from tools.bench.health.plan import Act, Plan
    from tools.bench.health.stream import Arrival

BATCH_MAX = 2_000  # as the lane's own
AT_ONCE = 200  # messages in one transaction: a commit each would only measure the disk
ACCEPT_S, CLOSE_S = 20.0, 5_400.0  # the desk: by then the longest call is over
BEAT_S = timedelta(seconds=5)
DOWN_MOST = 5_000
TAKERS = 3  # side by side, each with terminals of its own: while one waits for the database another is read
ORDERED = ("press", "call", "event")  # in turn with heartbeats; the lanes themselves keep no order between them
SEND_S = 1_800  # nothing here waits for what is sent down; a configuration may wait for an hour
RESTART_S = 12 * 3600.0
AGAIN = 20  # messages that the broker hands over once more to a process that was killed


def moment(at: float) -> datetime:
    """Seconds of the history as a time."""
    return START + timedelta(seconds=at)


class House:
    """Connections for ingest, one for the sweep, one for the look; new ones after each restart."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._box = Box(settings.data_key_bytes)
        self._plan = plan
        self._operator = Operator(plan.town)
        self._stack = AsyncExitStack()
        self._sweep = Sweep(settings, self._box)
        self._beats: list[str] = []
        self._beat_devices: set[str] = set()
        self._messages: list[Arrival] = []
        self._ordered: set[str] = set()  # terminals with a message in hand that a heartbeat must not overtake
        self._desk: list[tuple[float, str, str]] = []
        self._last: list[Arrival] = []
        self._beaten: datetime | None = None
        self._restarted = 0.0
        self.counted: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        await self._open()
        async with self._look.transaction():
            await registry.fill(self._look, self._box, self._plan)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        dsn = self._settings.database_url
        found = [await self._stack.enter_async_context(await db.connect(dsn)) for _ in range(3 + TAKERS)]
        self._lane, self._turns, self._look, *self._takers = found
        self._take = self._takers[0]
        await beatstore.prepare(self._lane)

    async def starts(self, at: float) -> None:
        """Both doors work again, or for the first time: what was before is a gap."""
        for door in DOORS:
            async with self._take.transaction():
                await devices.ingest_works(self._take, door, moment(at), {})
        self._beaten = moment(at)

    async def slot(self, arrivals: list[Arrival], acts: list[Act], begin: float, end: float) -> None:
        """Take what arrived, with what the desk and the registry's people did meanwhile; both doors beat at the end."""
        if begin - self._restarted >= RESTART_S:
            arrivals = await self._restart(begin) + arrivals
        await self.people(acts)
        for arrival in arrivals:
            await self._desk_until(arrival.at)
            if arrival.beat:
                await self._beat(arrival)
            else:
                await self._message(arrival)
        await self._flush()
        await self._desk_until(end)
        if end % SEND_S < end - begin:
            await self._send_down(end)
        self._last = arrivals[-AGAIN:]
        mine = None if self._beaten is None else (self._beaten, BEAT_S)
        async with self._take.transaction():
            for door in DOORS:
                await devices.ingest_works(self._take, door, moment(end), {}, mine)
        self._beaten = moment(end)

    async def people(self, acts: list[Act]) -> None:
        """What people at their desks and the operator did."""
        for act in acts:
            await self._registry(act)

    async def sweep(self, at: float) -> None:
        """Every job of the sweep, until nothing is left to be summed."""
        while True:
            before = self._sweep.tally.counts["summed"]
            if not await self._sweep.turn(self._turns, moment(at)):
                raise RuntimeError("a job of the sweep failed")
            if self._sweep.tally.counts["summed"] == before:
                return

    async def look(self, at: float) -> health.Looked:
        """As the sweep looks every minute."""
        async with self._look.transaction():
            looked = await health.look(self._look, moment(at))
        self.counted["looks"] += 1
        self.counted["frozen"] += looked.frozen
        return looked

    async def read_cards(self, at: float) -> None:
        """As the reader of the operator's platform beside the sweep, its answer taken for read."""
        now = moment(at)
        async with self._look.transaction():
            await carrier.refresh(self._look, self._operator.told(now), begun_at=now, now=now)
        self.counted["card_readings"] += 1

    async def _restart(self, at: float) -> list[Arrival]:
        """Other processes, which remember nothing; the broker hands over again what it heard no word of."""
        await self._stack.aclose()
        await self._open()
        self._sweep = Sweep(self._settings, self._box)
        self._restarted = at
        self.counted["restarts"] += 1
        return [each._replace(at=at, press=False) for each in self._last]

    async def _beat(self, arrival: Arrival) -> None:
        if arrival.device in self._ordered:
            await self._flush_messages()
        text = line(arrival.topic, arrival.payload, moment(arrival.at))
        if text is None:
            raise RuntimeError("a heartbeat of ours that the lane cannot read")
        self._beats.append(text)
        self._beat_devices.add(arrival.device)
        if len(self._beats) >= BATCH_MAX:
            await self._flush()

    async def _message(self, arrival: Arrival) -> None:
        if arrival.device in self._beat_devices and arrival.topic.split("/")[3] in ORDERED:
            await self._flush_beats()
        if arrival.topic.split("/")[3] in ORDERED:
            self._ordered.add(arrival.device)
        self._messages.append(arrival)
        if arrival.press:
            heapq.heappush(self._desk, (arrival.at + ACCEPT_S, "accept", arrival.device))
            heapq.heappush(self._desk, (arrival.at + CLOSE_S, "close", arrival.device))
        if len(self._messages) >= AT_ONCE:
            await self._flush_messages()

    async def _flush(self) -> None:
        await self._flush_messages()
        await self._flush_beats()

    async def _flush_messages(self) -> None:
        some, self._messages = self._messages, []
        self._ordered.clear()
        shares: list[list[Arrival]] = [[] for _ in self._takers]
        for each in some:
            shares[int(each.device[-6:]) % TAKERS].append(each)
        await asyncio.gather(*(self._taken(*pair) for pair in zip(self._takers, shares, strict=True) if pair[1]))

    async def _taken(self, conn: Conn, some: list[Arrival]) -> None:
        """Messages of terminals that nobody else has in hand, in their order."""
        async with conn.transaction():
            for each in some:
                handed = Handed(topic=each.topic, payload=each.payload, retained=False, received_at=moment(each.at))
                self.counted[await take(conn, self._box, self._settings, handed)] += 1

    async def _flush_beats(self) -> None:
        lines, self._beats = self._beats, []
        self._beat_devices.clear()
        if not lines:
            return
        async with self._lane.transaction():
            await beatstore.stage(self._lane, lines)
            done = await beatstore.add(self._lane)
            now = START + timedelta(microseconds=int(lines[-1].split("\t")[5]) - int(START.timestamp()) * 1_000_000)
            for device_id in done.configure:
                await devices.configure_if_wanted(self._lane, self._box, device_id, now)
        if done.strangers:
            raise RuntimeError("a terminal of ours that nobody registered")
        self.counted.update({"beats": done.stored, "beats_again": done.duplicates, "batches": 1})

    async def _desk_until(self, at: float) -> None:
        """A person takes every case, and closes it when the call is over."""
        while self._desk and self._desk[0][0] <= at:
            await self._flush_messages()
            when, what, device = heapq.heappop(self._desk)
            now = moment(when)
            async with self._take.transaction():
                for case in await cases.open_of_device(self._take, device):
                    if case.waiting_since is not None:
                        await calls.accept(self._take, self._box, case.case_id, "bench", now)
                        self.counted["accepted"] += 1
                    elif what == "close" and case.accepted_at is not None:
                        await calls.close(self._take, self._box, case.case_id, "bench", "PTEST", now)
                        self.counted["closed"] += 1

    async def _send_down(self, at: float) -> None:
        """The broker takes what is due; terminals answer by what they say, not to the sender."""
        now = moment(at)
        async with self._take.transaction():
            await down.settle_again(self._take, now)
            urgent = await down.due_urgent(self._take, now, DOWN_MOST) + await down.due_again(
                self._take, now, DOWN_MOST
            )
            kept = [row for row in urgent if row.expires_at is None or row.expires_at > now]
            again = [down_rules.again_at(row.kind, row.tries, now, row.expires_at) for row in kept]
            await down.mark_sent(self._take, [row.down_id for row in kept], now, again)
            await down.mark_dropped(self._take, [row.down_id for row in urgent if row not in kept], now)
            receipts = await down.due_receipts(self._take, now, DOWN_MOST)
            await down.mark_sent(self._take, [row.down_id for row in receipts], now)

    async def _registry(self, act: Act) -> None:
        """What people do at their desks: a plan is renewed, another configuration wanted, a card changed."""
        if act.what == "card":
            self._operator.change(act.terminal, act.at, *act.args)
            return
        it, now = self._plan.town[act.terminal], moment(act.at)
        async with self._take.transaction():
            if act.what == "renew":
                values = [registry.day(registry.FAR), it.iccid]
                await self._take.execute("update sim set expires_on = %s where iccid = %s", values)
            else:
                fields = registry.config(2, self._plan.sizes.beat_s)
                await devices.want_config(self._take, self._box, it.device, fields, now)
