"""An MQTT 3.1.1 client of one session, QoS 0 and 1, over a stream that is given.

In: a connected stream, identity and will, messages to publish. Out: `on_message(topic, payload)` for what arrives.
Must never take PUBACK for more than it is: the broker has the message. What the cloud committed only a receipt tells.
"""

import asyncio

from firmware.net import packets
from firmware.waits import came
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

_KEEPALIVE_S = const(300)  # mobile networks forget an idle path after about five minutes
PING_MS = const(240_000)  # idle time after which we ping, so that the ping's own way fits the keepalive
_PING_LIMIT_S = const(15.0)
_CONNECT_LIMIT_S = const(30.0)
_ACK_LIMIT_S = const(20.0)
_INFLIGHT_MAX = const(24)  # more than the outbox sends side by side, presses included
_STEP_S = const(0.5)  # how closely deadlines follow the beginning and end of a call


class Stream:
    """What a connection is to the client: modem/sock.py, a TLS wrap of it, or a test's."""

    # What each has for itself: only the type checker reads this, and it costs no RAM.
    if _TYPE_CHECKING:

        async def read(self, most: int) -> bytes:
            """Some bytes, b"" at the end."""
            raise NotImplementedError

        async def write(self, data: bytes) -> None:
            """All bytes; OSError if that cannot be."""
            raise NotImplementedError

        async def close(self) -> None:
            """Ends it."""
            raise NotImplementedError


class MQTTError(OSError):
    """The session is over; the text says why: refused, ack, ping, closed, packet."""


class Client:
    """One session on one stream; make a new one for the next. `connect`, then run `read_forever` as a task."""

    def __init__(
        self,
        stream: Stream,
        ms: "Callable[[], int]",
        on_message: "Callable[[str, bytes], None]",
        paused: "Callable[[], bool]",
        on_skipped: "Callable[[], None]" = lambda: None,
    ) -> None:
        self.stream = stream
        self.ms = ms
        self.paused = paused  # a call is up: nothing can arrive, and no deadline runs
        self.on_message = on_message
        self.on_skipped = on_skipped
        self.faults = 0  # messages on which `on_message` failed
        self.skipped = 0  # messages that were too large to take
        self.refusal = 0  # CONNACK's return code
        self.present = False  # the broker had kept our session
        self.rtt_ms: int | None = None
        self.heard_ms = ms()
        self.sent_ms = ms()
        self._parser = packets.Parser()
        self._packets: list[tuple[int, int, bytes]] = []
        self.posted: dict[int, str] = {}  # packet id: what `post` was told, until its PUBACK
        self._waiting: dict[int, asyncio.Event] = {}
        self._ack_left_s = 0.0  # for the next PUBACK, while one is due
        self._pong = asyncio.Event()
        self._next_id = 0
        self._lock = asyncio.Lock()
        self.failed = ""

    async def connect(
        self, device: str, password: bytes, *, will_topic: str, will: bytes, keepalive_s: int = _KEEPALIVE_S
    ) -> None:
        """CONNECT and its answer. Raises MQTTError."""
        await self._write(packets.connect(device, password, keepalive_s, will_topic, will))
        there = asyncio.Event()
        waiting = asyncio.create_task(self._await_first(there))
        try:
            came = await self._within(there, _CONNECT_LIMIT_S)
        finally:
            waiting.cancel()  # nothing if it has ended
        if not came:
            raise MQTTError("ack")
        if not self._packets:
            raise MQTTError(self.failed or "closed")
        kind, _flags, body = self._packets.pop(0)
        if kind != packets.CONNACK or len(body) != 2:
            raise MQTTError("packet")
        self.refusal = body[1]
        if self.refusal:
            raise MQTTError("refused")
        self.present = bool(body[0] & 1)

    async def read_forever(self) -> None:
        """Take packets until the session ends; always ends by MQTTError or OSError."""
        try:
            while True:
                kind, flags, body = await self._packet()
                await self._handle(kind, flags, body)
        except packets.PacketError:
            self.fail("packet")
            raise MQTTError("packet")
        finally:
            self.fail("closed")  # whatever ended it: without a reader there is no session

    async def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> None:
        """Send; with QoS 1 wait until the broker has it. Raises OSError."""
        if not qos:
            await self._write(packets.publish(topic, payload, retain=retain))
            return
        packet_id, event = self._expect()
        await self._write(packets.publish(topic, payload, packet_id, retain=retain))
        await self._await(packet_id, event)

    async def post(self, topic: str, payload: bytes, tag: str) -> None:
        """Send with QoS 1 without waiting: `posted` has the tag until the broker has the message. Raises OSError.

        Any number may be on their way without a task for each. `age` sees to it that they are acknowledged.
        """
        packet_id = self._free_id()
        self.posted[packet_id] = tag
        try:
            await self._write(packets.publish(topic, payload, packet_id))
        except OSError:
            self.posted.pop(packet_id, None)
            raise
        self._ack_left_s = _ACK_LIMIT_S

    def age(self, seconds: float) -> None:
        """So much time without a call has passed: a broker that acknowledges nothing meanwhile is none."""
        if self.posted:
            self._ack_left_s -= seconds
            if self._ack_left_s <= 0:
                self.fail("ack")

    async def subscribe(self, pattern: str, qos: int = 1) -> None:
        """Subscribe and wait for the answer. Needs `read_forever` running. Raises OSError."""
        packet_id, event = self._expect()
        await self._write(packets.subscribe(packet_id, pattern, qos))
        await self._await(packet_id, event)

    async def ping(self, limit_s: float = _PING_LIMIT_S) -> None:
        """One round trip or MQTTError."""
        begun = self.ms()
        self._pong.clear()
        await self._write(packets.PING)
        if not await self._within(self._pong, limit_s):
            self.fail("ping")
        if self.failed:
            raise MQTTError(self.failed)
        self.rtt_ms = self.ms() - begun

    def fail(self, why: str) -> None:
        """End every wait: nothing more will come on this stream."""
        self.failed = self.failed or why
        self._pong.set()
        for packet_id in list(self._waiting):
            self._waiting[packet_id].set()

    def _free_id(self) -> int:
        if self.failed:
            raise MQTTError(self.failed)
        if len(self._waiting) + len(self.posted) >= _INFLIGHT_MAX:
            raise MQTTError("inflight")
        self._next_id = self._next_id % 65_535 + 1
        while self._next_id in self._waiting or self._next_id in self.posted:
            self._next_id = self._next_id % 65_535 + 1
        return self._next_id

    def _expect(self) -> "tuple[int, asyncio.Event]":
        packet_id = self._free_id()
        event = self._waiting[packet_id] = asyncio.Event()
        return packet_id, event

    async def _await(self, packet_id: int, event: asyncio.Event) -> None:
        try:
            if not await self._within(event, _ACK_LIMIT_S):
                self.fail("ack")
        finally:
            self._waiting.pop(packet_id, None)
        if self.failed:
            raise MQTTError(self.failed)

    async def _within(self, event: asyncio.Event, limit_s: float) -> bool:
        """Whether the event came in time, where only time without a call counts."""
        while limit_s > 0:
            if await came(event, min(limit_s, _STEP_S)):
                return True
            if not self.paused():
                limit_s -= _STEP_S
        return False

    async def _await_first(self, there: asyncio.Event) -> None:
        """Until a packet is there or none can come."""
        try:
            packet = await self._packet()
            self._packets.insert(0, packet)
        except packets.PacketError:
            self.fail("packet")
        except OSError as error:
            self.fail(str(error))
        finally:
            there.set()

    async def _packet(self) -> "tuple[int, int, bytes]":
        while not self._packets:
            piece = await self.stream.read(1024)
            if not piece or self.failed:
                raise MQTTError(self.failed or "closed")
            self.heard_ms = self.ms()
            self._packets = self._parser.feed(piece)
        return self._packets.pop(0)

    async def _handle(self, kind: int, flags: int, body: bytes) -> None:
        if kind == packets.PUBLISH:
            topic, qos, packet_id, payload = packets.read_publish(flags, body)
            try:
                self.on_message(topic, payload)
            except Exception:
                self.faults += 1  # told to the broker as taken all the same: it would come again for ever
            if qos:
                await self._write(packets.puback(packet_id))
        elif kind in (packets.PUBACK, packets.SUBACK):
            packet_id = packets.read_id(body)
            event = self._waiting.get(packet_id)
            if kind == packets.SUBACK and body[2:3] == b"\x80":
                self.fail("subscribe")  # without a subscription no receipt would ever arrive
            elif event is not None:
                event.set()
            elif self.posted.pop(packet_id, None) is not None:
                self._ack_left_s = _ACK_LIMIT_S
        elif kind == packets.PINGRESP:
            self._pong.set()
        elif kind == packets.TOO_LARGE:
            self.skipped += 1
            self.on_skipped()
            _topic, qos, packet_id, _payload = packets.read_publish(flags, body)
            if qos:
                await self._write(packets.puback(packet_id))
        else:
            raise packets.PacketError("kind")

    async def _write(self, data: bytes) -> None:
        async with self._lock:
            await self.stream.write(data)
            self.sent_ms = self.ms()
