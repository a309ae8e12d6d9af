"""The lane of heartbeats: in batches, each committed whole before the broker is told.

In: messages of a `Subscriber`. Out: commits (beathand.py), then acknowledgements in order of arrival.
A filter can't say "all but": this lane is handed everything, leaves the other lane's kinds to it, and sees to it that
a kind which nobody knows is quarantined and not dropped by the broker.
While two batches are being committed the next is being read. Never acknowledges what is not committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from typing import TYPE_CHECKING, Any

from cloud import clock
from cloud.ingest.beathand import Hand
from cloud.ingest.beatline import line
from cloud.ingest.careful import BACKOFF_FIRST_S, BACKOFF_MOST_S, COUNTED, Careful
from cloud.ingest.pulse import BEAT_S, Pulse
from cloud.ingest.subscriber import Subscriber
from cloud.tally import SECONDS, Series, Tally
from protocol.topics import CLOUD_FILTER

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloud.ingest.subscriber import Message
    from cloud.sealed import Box
    from cloud.settings import Settings

log = logging.getLogger(__name__)

DOOR = "beats"
CLIENT_ID = "okc-beats"  # fixed: the broker keeps this session, and what is in it, while we are away
# Enough that a commit's cost is spread, little enough that a message of the other lane does not wait for long.
BATCH_MAX = 2_000
# Batches being committed: what one waits for the disk the other uses.
AT_ONCE = 2
LINGER_S = 0.05  # how long the first of a batch waits for company
_TURN = 50  # lines between two turns of the loop: about 0.6 ms
_TICK_S = 1.0
_SIZES = (1, 10, 50, 100, 200, 500, 1_000, BATCH_MAX)  # of batches


def new_tally() -> Tally:
    """One for each process; it outlives the turns of work."""
    series = {"commit_s": Series(SECONDS), "lag_at_commit_s": Series(SECONDS), "batch": Series(_SIZES)}
    return Tally(DOOR, (*COUNTED, "batches", "connected"), series)


class Beats:
    """One worker on one broker session."""

    def __init__(self, settings: Settings, box: Box, tally: Tally) -> None:
        self._settings = settings
        self._box = box
        self._tally = tally
        self._counted = tally.counts
        self._new_at: datetime | None = None
        # On a connection of its own: it beats while a message is taken, and two transactions on one would be nested.
        beside = Careful(settings, box, self._counted)
        self._pulse = Pulse(DOOR, beside, tally, self._works, lambda: self._new_at)
        self._subscriber: Subscriber | None = None
        self._connected_at = 0.0
        turn = asyncio.Lock()
        self._hands = [Hand(settings, box, tally, turn) for _ in range(AT_ONCE)]

    async def run(self, ready: Callable[[], None]) -> None:
        """Work until cancelled; `ready` is called once, when broker and database both answer."""
        beating = asyncio.ensure_future(self._beat(ready))
        wait_s = BACKOFF_FIRST_S
        self._tally.look = self._look
        try:
            while True:
                subscriber = Subscriber()
                try:
                    await self._open(subscriber)
                    wait_s = BACKOFF_FIRST_S
                    await self._work(subscriber)
                except OSError as error:
                    log.warning("broker cannot be reached: %s", type(error).__name__)
                finally:
                    self._subscriber = None
                    subscriber.close()
                    self._count_redelivered(subscriber)
                wait_s = min(wait_s * 2, BACKOFF_MOST_S)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self._pulse.goodbye()
            self._tally.look = None
            for hand in self._hands:
                await hand.drop()

    async def _open(self, subscriber: Subscriber) -> None:
        await subscriber.open(
            self._settings.broker_host, self._settings.broker_port, client_id=CLIENT_ID,
            user=self._settings.broker_user, password=self._settings.broker_password, filters=[CLOUD_FILTER],
            tls=self._settings.broker_tls,
        )  # fmt: skip
        self._subscriber = subscriber
        self._connected_at = asyncio.get_running_loop().time()
        if not subscriber.session_present:
            self._new_at = clock.now()
        self._counted["connected"] += 1

    async def _work(self, subscriber: Subscriber) -> None:
        """Until the connection is lost. While batches are being committed the next is being read."""
        tending = asyncio.ensure_future(_tend(subscriber))
        under_way: deque[tuple[int, asyncio.Future[None]]] = deque()  # in order of arrival, as they are acknowledged
        try:
            while not subscriber.closed.is_set():
                messages, lines = await _gather(subscriber, under_way[0][1] if under_way else None)
                done = 0
                while under_way and (len(under_way) == len(self._hands) or under_way[0][1].done()):
                    await under_way[0][1]
                    done += under_way.popleft()[0]
                if messages:
                    busy = {id(future) for _, future in under_way}
                    free = next(hand for hand in self._hands if id(hand.work) not in busy)
                    under_way.append((len(messages), free.begin(messages, lines)))
                    await asyncio.sleep(0)  # the database has its work before the broker is told of the last one
                self._ack(subscriber, done)
            while under_way:  # what is nearly done is finished; the broker will send it again all the same
                await under_way[0][1]
                under_way.popleft()
        finally:
            tending.cancel()
            for _, committing in under_way:
                committing.cancel()
            await asyncio.gather(*(committing for _, committing in under_way), return_exceptions=True)

    def _ack(self, subscriber: Subscriber, count: int) -> None:
        if count:
            self._counted["acked" if subscriber.ack(count) else "ack_too_late"] += count
            self._count_redelivered(subscriber)

    def _count_redelivered(self, subscriber: Subscriber) -> None:
        self._counted["redelivered"] += subscriber.redelivered
        subscriber.redelivered = 0

    async def _beat(self, ready: Callable[[], None]) -> None:
        told = False
        while True:
            beaten = await self._pulse.beat()
            if beaten and not told:
                told = True
                ready()
            await asyncio.sleep(BEAT_S if told else LINGER_S)

    def _is_connected(self) -> bool:
        return self._subscriber is not None and self._subscriber.subscribed

    def _works(self) -> bool:
        return self._is_connected() and not any(hand.waits for hand in self._hands)

    def _look(self) -> dict[str, float]:
        loop_now, now = asyncio.get_running_loop().time(), clock.now()
        lags = [(now - hand.oldest).total_seconds() for hand in self._hands if hand.oldest is not None]
        unacked = 0 if self._subscriber is None else self._subscriber.unacked
        connected = self._is_connected()
        present = {"connected": float(connected), "lag_s": max(lags, default=0.0), "unacked": float(unacked)}
        return present | self._pulse.ages(loop_now - self._connected_at if connected else None)


async def _gather(
    subscriber: Subscriber, committing: asyncio.Future[None] | None
) -> tuple[list[Message], list[str | None]]:
    """The next batch, and its lines: full, or all that came while another one was being committed, or for LINGER_S."""
    messages: list[Message] = []
    lines: list[str | None] = []
    loop = asyncio.get_running_loop()
    until = 0.0
    while len(messages) < BATCH_MAX and not subscriber.closed.is_set():
        more = subscriber.take(min(_TURN, BATCH_MAX - len(messages)))
        lines += [_line(message) for message in more]
        messages += more
        if more:
            await asyncio.sleep(0)
        elif committing is not None:
            await _either(subscriber.arrived, committing)
            if committing.done():
                break
        elif not messages:
            await subscriber.arrived.wait()
            until = loop.time() + LINGER_S
        elif loop.time() < until:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(subscriber.arrived.wait(), until - loop.time())
        else:
            break
    return messages, lines


async def _either(event: asyncio.Event, work: asyncio.Future[None]) -> None:
    """Until one of them is there; the work goes on, and its error is its own."""
    waiting = asyncio.ensure_future(event.wait())
    both: set[asyncio.Future[Any]] = {waiting, work}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _line(message: Message) -> str | None:
    return None if message.retained else line(message.topic, message.payload, message.received_at)


async def _tend(subscriber: Subscriber) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        subscriber.tend()
