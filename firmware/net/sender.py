"""Carries the outbox to the broker: stored first, then published, forgotten only when a receipt names it.

In: the outbox, the session. Out: publishes with `s` filled in.
Must never publish what is not stored while storage works, and never let broken storage stop a press.
"""

import asyncio

from firmware.net import mqtt
from protocol import const, messages, topics
from protocol.errors import LocalProtocolError

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.core.outbox import Outbox

_LOOK_S = const(1.0)
# Storage stops everything for some 50 ms; with data down a press dials at once, and goes first.
_DIAL_FIRST_S = const(0.05)


class Sender:
    """Start `run` as a task; `kick` after every `outbox.add`."""

    def __init__(
        self,
        *,
        device: str,
        outbox: "Outbox",
        now: "Callable[[], int]",
        session: "Callable[[], mqtt.Client | None]",
        held: "Callable[[], bool]",
        save: "Callable[[], bool]",
        then: "Callable[[], None]",
        on_refused: "Callable[[str, str], None]",
    ) -> None:
        self.device = device
        self.outbox = outbox
        self.now = now
        self.session = session
        self.held = held
        self.save = save  # writes the outbox; False: storage is broken
        self.then = then  # stores what must not be on storage before the outbox is
        self.on_refused = on_refused  # (kind, reason)
        self.refused = 0  # entries that broke our own contract
        self._flights: "list[asyncio.Task[None]]" = []
        self._wake = asyncio.Event()

    def kick(self) -> None:
        """There is something to send."""
        self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), _LOOK_S)
            except asyncio.TimeoutError:
                pass
            self._wake.clear()
            if self.session() is None:
                await asyncio.sleep(_DIAL_FIRST_S)
            if self.outbox.pending_save or self.outbox.stale:
                self.store()
            self.then()
            client = self.session()
            if client is not None and not self.held():
                self._launch(client)

    def store(self) -> None:
        """Write the outbox if storage lets us; sending goes on without."""
        if self.save():
            self.outbox.saved()
        else:
            self.outbox.save_failed()

    def _launch(self, client: mqtt.Client) -> None:
        for message_id, kind, fields in self.outbox.due(self.now()):
            try:
                payload = messages.encode("up", kind, fields)
            except LocalProtocolError as error:
                self.refused += 1
                self.outbox.refused(message_id, self.now())
                self.on_refused(kind, error.reason)
                continue
            # Side by side, so that a press never waits for the PUBACK of something else; the outbox bounds how many.
            self._flights = [flight for flight in self._flights if not flight.done()]
            self._flights.append(asyncio.create_task(self._fly(client, message_id, kind, payload)))

    async def _fly(self, client: mqtt.Client, message_id: str, kind: str, payload: bytes) -> None:
        try:
            await client.publish(topics.build("up", kind, self.device), payload)
        except OSError:
            self.outbox.unsent([message_id], self.now())
