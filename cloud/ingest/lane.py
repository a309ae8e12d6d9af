"""The lane of everything but heartbeats: at once, one by one, each committed before the broker is told.

In: deliveries. Out: commits, then acknowledgements. Never acknowledges what is not committed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloud import clock
from cloud.ingest.careful import COUNTED, Careful
from cloud.ingest.pulse import BEAT_S, Pulse
from cloud.ingest.store import is_press_topic
from cloud.tally import Series, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.ingest.listen import Delivery, Listener
    from cloud.sealed import Box
    from cloud.settings import Settings

DOOR = "ingest"


def new_tally() -> Tally:
    """One for each process; it outlives the turns of work."""
    return Tally(DOOR, COUNTED, {"commit_s": Series(), "press_commit_s": Series()})


class Lane:
    """One consumer on one database connection."""

    def __init__(self, settings: Settings, box: Box, listener: Listener, tally: Tally) -> None:
        self._listener = listener
        self._tally = tally
        self._careful = Careful(settings, box, tally.counts)
        self._in_hand: Delivery | None = None
        self._pulse = Pulse(DOOR, self._careful, tally, lambda: listener.is_connected, lambda: listener.new_at)

    async def run(self, ready: Callable[[], None]) -> None:
        """Work until cancelled; `ready` is called once, when broker and database both answer."""
        told = False
        self._tally.look = self._look
        try:
            while True:
                delivery = await self._listener.next(0.05 if not told else BEAT_S)
                if delivery is not None:
                    await self._take(delivery)
                beaten = await self._pulse.beat()
                if beaten and not told:
                    told = True
                    ready()
        finally:
            await self._pulse.goodbye()
            self._tally.look = None

    async def _take(self, delivery: Delivery) -> None:
        loop, counts, series = asyncio.get_running_loop(), self._tally.counts, self._tally.series
        self._in_hand, begun = delivery, loop.time()
        try:
            outcome = await self._careful.commit(delivery.arrival)
        finally:
            self._in_hand = None
        series["commit_s"].add(loop.time() - begun)
        if outcome == "stored" and is_press_topic(delivery.arrival.topic):
            series["press_commit_s"].add((clock.now() - delivery.arrival.received_at).total_seconds())
        counts["redelivered"] += delivery.again
        counts["acked" if self._listener.done(delivery) else "ack_too_late"] += 1

    def _look(self) -> dict[str, float]:
        """Deliveries come in order, so the one in hand is the oldest that is not committed."""
        oldest = self._in_hand
        now = {
            "connected": float(self._listener.is_connected),
            "lag_s": 0.0 if oldest is None else (clock.now() - oldest.arrival.received_at).total_seconds(),
            "unacked": float(self._listener.waiting + (oldest is not None)),
        }
        return now | self._pulse.ages(self._listener.connected_s)
