"""The MQTT client of the front door: the only file that knows which one it is (decisions/0002).

In: the broker. Out: deliveries, in order of arrival, each to be finished by `done` after its commit; that sends the
PUBACK. An unfinished delivery comes again, in this connection's successor or in the next process.
Never acknowledges by itself, never out of order, never with a packet id of an earlier connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud import clock
from cloud.ingest.models import Arrival
from protocol.fields import KINDS
from protocol.topics import CLOUD_FILTER, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from paho.mqtt.client import ConnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from cloud.settings import Settings

log = logging.getLogger(__name__)

CLIENT_ID = "okc-ingest"  # fixed: the broker keeps this session, and what is in it, while we are away
KEEPALIVE_S = 60
CONNECT_S = 1.5  # the broker is near; a SIGTERM waits for this at most
# Read and not yet finished: about a second of work. More would only be sent again when a connection breaks, and some
# brokers (Mosquitto 2.0.11) keep no bound of their own. Far below 65,535, after which packet ids repeat.
UNACKED_MAX = 1000
RESUME_AT = UNACKED_MAX // 2
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.2, 5.0
_TICK_S = 1.0
OTHER_KINDS = tuple(kind for kind in KINDS["up"] if kind != "hb")  # heartbeats have a lane of their own, beats.py
# Sent while reading is stopped, because the broker must hear something and the answer to a ping would not be read.
_NUDGE_FILTER = "okc/nothing"


@dataclass(frozen=True)
class Delivery:
    """One PUBLISH and the connection on which alone it can be acknowledged."""

    arrival: Arrival
    connection: _Connection
    mid: int
    qos: int
    again: bool  # the broker says that it sent it before


class Listener:
    """Keeps a connection to the broker; `run` it beside who calls `next` and `done`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._connection: _Connection | None = None
        self.new_at: datetime | None = None  # when the broker last said that it knows no session of ours

    @property
    def is_connected(self) -> bool:
        """Whether our subscription stands at the broker, and the connection."""
        return self._connection is not None and self._connection.subscribed

    @property
    def waiting(self) -> int:
        """Deliveries that nobody has asked for yet."""
        return len(self._waiting)

    @property
    def connected_s(self) -> float | None:
        """How long the connection stands; None where there is none."""
        return self._connection.stands_s if self._connection is not None and self.is_connected else None

    async def run(self) -> None:
        """Connect, and again after every loss, until cancelled."""
        wait_s = BACKOFF_FIRST_S
        while True:
            connection = _Connection(self._settings, self._deliver, self._is_new)
            try:
                await connection.open()
                self._connection = connection
                await connection.stay()
            except OSError as error:
                log.warning("broker cannot be reached: %s", type(error).__name__)
            finally:
                self._connection = None
                connection.close()
                self._forget(connection)
            wait_s = BACKOFF_FIRST_S if connection.was_subscribed else min(wait_s * 2, BACKOFF_MOST_S)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects

    async def next(self, wait_s: float) -> Delivery | None:
        """The oldest delivery that waits; None if there is none within the time."""
        if not self._waiting:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), wait_s)
        return self._waiting.popleft() if self._waiting else None

    def done(self, delivery: Delivery) -> bool:
        """The delivery is committed. False where its connection is gone: then it comes again, and changes nothing."""
        return delivery.connection.finish(delivery)

    def _is_new(self) -> None:
        self.new_at = clock.now()

    def _deliver(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._arrived.set()

    def _forget(self, connection: _Connection) -> None:
        """What waits from a lost connection will be sent again; what was sent with QoS 0 will not."""
        kept = [each for each in self._waiting if each.connection is not connection or each.qos == 0]
        self._waiting.clear()
        self._waiting.extend(kept)


class _Connection:
    """One TCP connection, driven by the event loop. Used once."""

    def __init__(self, settings: Settings, deliver: Callable[[Delivery], None], is_new: Callable[[], None]) -> None:
        self.subscribed = False
        self.was_subscribed = False
        self._settings = settings
        self._deliver = deliver
        self._is_new = is_new
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._closed = asyncio.Event()
        self._unfinished: deque[Delivery] = deque()
        self._socket: socket.socket | None = None
        self._reading = False
        self._last_nudge = 0.0
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLIENT_ID,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(settings.broker_user, settings.broker_password)
        self._client.connect_timeout = CONNECT_S
        if (tls := settings.broker_tls) is not None:
            self._client.tls_set_context(tls)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def open(self) -> None:
        """Connect; raises OSError. The subscription follows in `stay`."""
        where = self._settings.broker_host, self._settings.broker_port
        # Looking up a name and connecting block: not on the loop. From here on everything is on the loop.
        await asyncio.to_thread(self._client.connect, *where, keepalive=KEEPALIVE_S)
        sock = self._client.socket()
        if not isinstance(sock, socket.socket):
            raise ConnectionError("closed while connecting")
        # Acknowledgements are small and nothing follows them: waiting for more costs 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = self._on_want_write
        self._client.on_socket_unregister_write = self._on_written
        self._read(wanted=True)

    @property
    def stands_s(self) -> float:
        """Seconds since it was begun."""
        return self._loop.time() - self._begun

    async def stay(self) -> None:
        """Return when the connection is lost."""
        while not self._closed.is_set():
            if self._reading:
                self._client.loop_misc()  # pings, and gives up when nobody answers
            elif self._loop.time() - self._last_nudge > KEEPALIVE_S / 2:
                self._last_nudge = self._loop.time()
                self._client.unsubscribe(_NUDGE_FILTER)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), _TICK_S)

    def close(self) -> None:
        """Say goodbye if it can still be said. The broker keeps the session."""
        if self._socket is not None:
            self._client.disconnect()
            self._client.loop_write()
        self._on_socket_close(self._client, None, self._socket)

    def finish(self, delivery: Delivery) -> bool:
        """Acknowledge, in order of arrival."""
        if self._closed.is_set():
            return False
        if self._unfinished.popleft() is not delivery:
            raise RuntimeError("deliveries are finished in order of arrival")
        if delivery.qos:
            self._client.ack(delivery.mid, delivery.qos)
        if not self._reading and len(self._unfinished) <= RESUME_AT:
            self._read(wanted=True)
        return True

    def _read(self, *, wanted: bool) -> None:
        if self._socket is None or wanted == self._reading:
            return
        self._reading = wanted
        self._last_nudge = self._loop.time()
        if wanted:
            self._loop.add_reader(self._socket, self._on_readable)
            if _holds_more(self._socket):
                self._loop.call_soon(self._on_readable)
        else:
            self._loop.remove_reader(self._socket)

    def _on_readable(self) -> None:
        while self._reading:
            try:
                self._client.loop_read()  # one packet
            except Exception as error:  # noqa: BLE001 - bytes that the library cannot read: only a new connection helps
                log.error("broker's bytes cannot be read: %s", type(error).__name__)  # noqa: TRY400
                self._read(wanted=False)
                self._closed.set()
            if len(self._unfinished) >= UNACKED_MAX:
                self._read(wanted=False)
            if not _holds_more(self._socket):
                break

    def _on_want_write(self, _client: Client, _data: Any, sock: Any) -> None:
        self._loop.add_writer(sock, self._client.loop_write)

    def _on_written(self, _client: Client, _data: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _on_socket_close(self, _client: Client, _data: Any, _sock: Any) -> None:
        # Called before the socket is closed, while its number is still ours.
        self._read(wanted=False)
        if self._socket is not None:
            self._loop.remove_writer(self._socket)
        self._socket = None
        self.subscribed = False
        self._closed.set()

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("broker refuses us: %s", reason)
            return
        if flags.session_present:
            # What we subscribed to stands; the answer below comes behind all that the broker has kept for us.
            self.subscribed = self.was_subscribed = True
        else:
            self._is_new()
        # Also where the broker still has our session: a newer version of us may read more.
        client.unsubscribe(CLOUD_FILTER)  # of a version before there was a lane for heartbeats
        client.subscribe([(f"{PREFIX}/up/{kind}/+", 1) for kind in OTHER_KINDS])

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("broker refuses the subscription")
            client.disconnect()
            return
        self.subscribed = self.was_subscribed = True

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        arrival = Arrival(
            topic=_topic(message), payload=bytes(message.payload), retained=message.retain, received_at=clock.now()
        )
        delivery = Delivery(arrival, self, message.mid, message.qos, message.dup)
        self._unfinished.append(delivery)
        self._deliver(delivery)


def _holds_more(sock: socket.socket | None) -> bool:
    """Whether TLS has opened more of what came than was read: the event loop does not see that."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "\ufffd"  # no topic of ours: goes to quarantine
