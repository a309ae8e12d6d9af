"""The lane of everything but heartbeats: at once, one by one, each committed before the broker is told.

In: deliveries. Out: commits, then acknowledgements. Never acknowledges what is not committed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cloud.ingest.careful import Careful
from cloud.ingest.pulse import BEAT_S, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.ingest.listen import Listener
    from cloud.sealed import Box
    from cloud.settings import Settings

DOOR = "ingest"


class Lane:
    """One consumer on one database connection."""

    def __init__(self, settings: Settings, box: Box, listener: Listener) -> None:
        self._listener = listener
        self._counted: Counter[str] = Counter()
        self._careful = Careful(settings, box, self._counted)
        self._pulse = Pulse(DOOR, self._careful, self._counted, lambda: listener.is_connected, lambda: listener.new_at)

    async def run(self, ready: Callable[[], None]) -> None:
        """Work until cancelled; `ready` is called once, when broker and database both answer."""
        told = False
        try:
            while True:
                delivery = await self._listener.next(0.05 if not told else BEAT_S)
                if delivery is not None:
                    await self._careful.commit(delivery.arrival)
                    if not self._listener.done(delivery):
                        self._counted["ack_too_late"] += 1
                beaten = await self._pulse.beat()
                if beaten and not told:
                    told = True
                    ready()
        finally:
            await self._pulse.goodbye()
