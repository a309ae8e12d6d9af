"""Keeps one MQTT session up: connect, hold, notice its death, come back. Calls always go first.

In: a stream that can be opened, identity, whether the modem is registered and whether voice needs the line.
Out: `client` while a session is up, `on_up()` and `on_down(why)`, incoming messages.
Must never open a connection while a call is up or wanted, never mistake a call for a lost session, and never hammer a
server that says no.
"""

import asyncio

from firmware.core.backoff import REFUSED_FIRST_MS, REFUSED_MOST_MS, Backoff
from firmware.net import mqtt
from firmware.net.packets import PacketError
from firmware.waits import came
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HELD = const("held")  # what a stream raises that gives way to a call
_MOVED = const("moved")  # why a session ends when another server has been configured
_LOOK_S = const(0.5)  # how closely the loop follows the line
_WHERE_LOOKS = const(6)  # between two looks at the configured server
_IDLE_MS = const(2_000)  # without traffic for so long, a session can be ended for a move
# A server that ends the line in the handshake may be none of ours, or the radio was lost. Not three times in a row.
_CUTS_MAX = const(3)
_CUT = const("handshake: closed")


class Identity:
    """Who connects: client id and user are the device, as the broker forces."""

    def __init__(self, device: str, password: bytes, will_topic: str, pattern: str) -> None:
        self.device = device
        self.password = password
        self.will_topic = will_topic
        self.pattern = pattern


class OpenStream(mqtt.Stream):
    """A stream that can be opened again and again; modem/sock.py has this shape."""

    # What each has for itself: only the type checker reads this, and it costs no RAM.
    if _TYPE_CHECKING:

        async def open(self, host: str, port: int, apn: str) -> None:
            """Connect; raises OSError."""
            raise NotImplementedError


class Link:
    """Start `run` as a task."""

    def __init__(
        self,
        *,
        stream: OpenStream,
        identity: Identity,
        ms: "Callable[[], int]",
        draw: "Callable[[], int]",
        ready: "Callable[[], bool]",
        held: "Callable[[], bool]",
        wanted: "Callable[[], bool]",
        where: "Callable[[], tuple[str, int, str]]",
        will: "Callable[[], bytes]",
        on_message: "Callable[[str, bytes], None]",
        on_up: "Callable[[mqtt.Client], Awaitable[None]]",
        on_down: "Callable[[str], None]",
        on_session: "Callable[[], None]",
        on_skipped: "Callable[[], None]" = lambda: None,
    ) -> None:
        self.stream = stream
        self.identity = identity
        self.ms = ms
        self.draw = draw
        self.ready = ready  # registered, so that a connection makes sense
        self.held = held  # a call is up: data is suspended
        self.wanted = wanted  # an alarm runs: nothing may hold the channel for long
        self.where = where  # host, port, access point
        self.will = will
        self.on_message = on_message
        self.on_up = on_up
        self.on_down = on_down
        self.on_session = on_session  # `client` is there
        self.on_skipped = on_skipped  # a packet was too large to take
        self.client: mqtt.Client | None = None
        self.rtt_ms: int | None = None
        self.failures = 0
        self.misses = 0  # tries to connect since the last that succeeded
        self.skipped = 0  # packets that were too large to take
        self.refusal = ""  # who said no at the last try: broker, certificate, handshake; "" where nobody did
        self._cuts = 0  # handshakes in a row that the other side ended
        self._backoff = Backoff()
        self._refusals = Backoff(REFUSED_FIRST_MS, REFUSED_MOST_MS)
        self._kicked = asyncio.Event()

    def kick(self) -> None:
        """The line is better now: try at once. It makes no difference to a server that said no."""
        if not self.refusal:
            self._kicked.set()

    def changed(self) -> None:
        """What a server may have refused is another now, such as the date: try at once."""
        self._kicked.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            while not self.ready() or self.wanted():  # noqa: ASYNC110 - it waits for many facts, not for one event
                await asyncio.sleep(_LOOK_S)
            why, was_up = "", False
            try:
                await self._session()
            except PacketError:
                why = "packet"
            except OSError as error:
                why = str(error)
            except Exception:
                why = "fault"  # also then what follows must be done: a dead session is none
            was_up, self.client = self.client is not None, None
            await self.stream.close()
            self.refusal = self._judge(why)
            self.on_down(why)
            if why in (HELD, _MOVED):
                continue  # no failure, and no reason to wait
            self.failures += 1
            self.misses = 0 if was_up else self.misses + 1
            pause = self._backoff.lost(self.ms(), self.draw()) if was_up else self._backoff.failed(self.draw())
            if self.refusal:
                pause = self._refusals.failed(self.draw())
            await self._wait(pause)

    def _judge(self, why: str) -> str:
        """Who said no, as the fault `server_refused` names it."""
        self._cuts = self._cuts + 1 if why == _CUT else 0
        if why == "refused":
            return "broker"
        if why.startswith(("certificate", "host")):
            return "certificate"
        if self._cuts >= _CUTS_MAX or (why.startswith("handshake") and why not in (_CUT, "handshake: too slow")):
            return "handshake"
        return ""

    async def _wait(self, pause_ms: int) -> None:
        self._kicked.clear()
        await came(self._kicked, pause_ms / 1000, _LOOK_S)

    async def _session(self) -> None:
        at = host, port, apn = self.where()
        await self.stream.open(host, port, apn)
        me = self.identity
        client = mqtt.Client(self.stream, self.ms, self.on_message, self.held, self.on_skipped)
        await client.connect(me.device, me.password, will_topic=me.will_topic, will=self.will())
        reader = asyncio.create_task(_quietly(client))
        try:
            await client.subscribe(me.pattern)
            await self.on_up(client)
            self.client = client
            self._backoff.connected(self.ms())
            self._refusals.reset()
            self.on_session()
            await self._hold(client, at)
        finally:
            client.fail("closed")
            reader.cancel()
            self.skipped += client.skipped

    async def _hold(self, client: mqtt.Client, at: "tuple[str, int, str]") -> None:
        """While the session lives: ping when it is idle, and once after every call."""
        suspended, looks = False, 0
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self.held():
                client.age(_LOOK_S)
            if client.failed:
                raise mqtt.MQTTError(client.failed)
            if self.held():
                suspended = True
                continue
            if suspended or self.ms() - min(client.heard_ms, client.sent_ms) >= mqtt.PING_MS:
                await client.ping()
                self.rtt_ms = client.rtt_ms
                # A call that began during the ping suspended data again; then look again after it.
                suspended = self.held()
            looks = (looks + 1) % _WHERE_LOOKS
            if not looks and self._idle(client) and self.where() != at:
                # Without a good-bye: the server we leave publishes our will, else we were online there for ever.
                raise mqtt.MQTTError(_MOVED)

    def _idle(self, client: mqtt.Client) -> bool:
        return not self.wanted() and self.ms() - max(client.heard_ms, client.sent_ms) >= _IDLE_MS


async def _quietly(client: mqtt.Client) -> None:
    """The reader as a task: how it ended is in `client.failed`, where `_hold` sees it."""
    try:
        await client.read_forever()
    except Exception:
        pass
