"""Carries the outbox to the broker: stored first, then published, forgotten only when a receipt names it.

In: the outbox, the session. Out: publishes with `s` filled in.
Must never publish what is not stored while storage works, and never let broken storage stop a press.
"""

import asyncio

from firmware.net import mqtt
from firmware.waits import came
from protocol import const, messages, topics
from protocol.errors import LocalProtocolError

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.core.outbox import Outbox

_LOOK_S = const(1.0)
# Storage stops everything for some 50 ms; with data down a press dials at once, and goes first.
_DIAL_FIRST_S = const(0.04)


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
        self._flight: "asyncio.Task[None] | None" = None
        self._client: "mqtt.Client | None" = None  # the session of the last flight
        self._wake = asyncio.Event()

    def kick(self) -> None:
        """There is something to send."""
        self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await came(self._wake, _LOOK_S)
            self._wake.clear()
            if self.session() is None:
                await asyncio.sleep(_DIAL_FIRST_S)
            if self.outbox.pending_save or self.outbox.stale:
                self.store()
            self.then()
            self._look_back()
            client = self.session()
            if client is not None and not self.held() and self._flight is None:
                self._client = client
                # A task of its own: a message that cannot leave, as in a call, must not keep the next from storage.
                self._flight = asyncio.create_task(self._fly(client))

    def store(self) -> None:
        """Write the outbox if storage lets us; sending goes on without."""
        if self.save():
            self.outbox.saved()
        else:
            self.outbox.save_failed()

    def _look_back(self) -> None:
        """What a session that is over has not acknowledged may never have left: it is due again, and no try."""
        client = self._client
        if client is not None and client is not self.session():
            self._client = None
            self.outbox.unsent(list(client.posted.values()), self.now())

    async def _fly(self, client: mqtt.Client) -> None:
        """Send what is due, one message after the other: only one is unpacked at a time, and a press is always next.

        Nobody waits for the PUBACK of a message here; how many may be without a receipt is the outbox's to say.
        """
        more = True
        try:
            while more and client is self.session() and not self.held():
                more = await self._send(client)
        finally:
            self._flight = None  # a task that has ended keeps all that stood in it, for as long as somebody keeps it

    async def _send(self, client: mqtt.Client) -> bool:
        """Whether another one can follow: a session that takes nothing is dead, even if it has not been told yet."""
        packed = self._pack()
        if packed is None:
            return False
        message_id, topic, payload = packed
        if not payload:
            return True
        try:
            await client.post(topic, payload, message_id)
        except OSError:
            self.outbox.unsent([message_id], self.now())
            return False
        return True

    def _pack(self) -> "tuple[str, str, bytes] | None":
        """(id, topic, payload) of what is due, or None; without a payload if our own encoder refuses it.

        Only these three live on while the line takes them: a message unpacked is three times as large.
        """
        for message_id, kind, fields in self.outbox.due(self.now(), 1):
            try:
                return message_id, topics.build("up", kind, self.device), messages.encode("up", kind, fields)
            except LocalProtocolError as error:
                self.refused += 1
                self.outbox.refused(message_id, self.now())
                self.on_refused(kind, error.reason)
                return message_id, "", b""
        return None
