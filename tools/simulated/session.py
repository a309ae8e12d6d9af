"""The MQTT session of one terminal: connects, subscribes, says that it is online, pings, and comes back when cut off.

In: what to publish. Out: messages down, acknowledgements, and whether it is up. Timers only, no task of its own while
it is up: 50,000 of them live in a process or a few.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tools.simulated import packets
from tools.simulated.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.simulated.counts import Counts
    from tools.simulated.dice import Dice
    from tools.simulated.line import Link

KEEPALIVE_S = 300
PING_S = KEEPALIVE_S * 0.9
ANSWER_S = 60.0  # to TCP, TLS, CONNECT and SUBSCRIBE together, and to a ping: what a terminal on 2G waits
BACKOFF_FIRST_S, BACKOFF_MOST_S = 1.0, 120.0  # doubled each time, +-25 %
HELD_S, SPREAD_S = 60.0, 60.0  # a line that held so long and is lost: at any moment of the next minute
STATE_MID = 1
_SUBSCRIBE_MID, _FIRST_MID = 2, 3


class User(Protocol):
    """What a session is for."""

    topic_filter: str

    def state(self, word: str) -> tuple[str, bytes]:
        """Topic and payload of `online` or `offline`."""

    def went(self, *, up: bool) -> None:
        """Connected and subscribed, or not any more."""

    def message(self, topic: str, payload: bytes) -> None:
        """Something came down."""

    def acked(self, mid: int) -> None:
        """The broker has that PUBLISH."""


class Session:
    """`start`, then it lives until `stop`."""

    __slots__ = (
        "_attempt", "_counts", "_dice", "_id", "_line", "_link", "_mid", "_number", "_password", "_pinged", "_source",
        "_timer", "_up_at", "_user", "_wait_s", "silent", "up",
    )  # fmt: skip

    def __init__(
        self,
        user: User,
        *,
        device_id: str,
        password: str | None,
        link: Link,
        counts: Counts,
        dice: Dice,
        source: str | None,
    ) -> None:
        self.up = False
        self.silent = False  # in a call: nothing leaves
        self._user = user
        self._id = device_id
        self._password = password
        self._link = link
        self._counts = counts
        self._dice = dice
        self._source = source
        self._line: Line | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wait_s = BACKOFF_FIRST_S
        self._up_at = 0.0
        self._mid = _FIRST_MID
        self._pinged = False

    def start(self, after_s: float) -> None:
        """Connect then, and again whenever the line breaks."""
        self._in(after_s, self._connect)

    def publish(self, topic: str, payload: bytes) -> int:
        """QoS 1; the packet id. Only while it is up."""
        self._mid = self._mid + 1 if self._mid < packets.MID_MAX else _FIRST_MID
        self._write(packets.publish(self._mid, topic, payload))
        return self._mid

    def cut(self, for_s: float) -> None:
        """The line is gone, and no other is tried for so long."""
        self._drop()
        self._wait_s = BACKOFF_FIRST_S
        self._in(for_s, self._connect)

    def farewell(self) -> None:
        """Say that we go; `acked` tells when the broker has it."""
        if self.up:
            self._write(packets.publish(STATE_MID, *self._user.state("offline"), retain=True))

    def stop(self) -> None:
        """For good."""
        if self._timer is not None:
            self._timer.cancel()
        line, self._line = self._line, None
        if self._attempt is not None:
            self._attempt.cancel()
        if line is not None:
            if self.up:
                line.write(packets.DISCONNECT)
                line.leave()
            else:
                line.forget()
        self._set(up=False)

    # --- the line's owner ---

    def opened(self, line: Line) -> None:
        """Ask for our session."""
        if line is self._line:
            line.write(packets.connect(self._id, self._password, KEEPALIVE_S, self._user.state("offline")))

    def heard(self, line: Line, packet: tuple[int, int, bytes]) -> None:
        """One packet of the broker."""
        kind, flags, body = packet
        if line is not self._line:
            return
        self._pinged = False
        if kind == packets.PUBLISH:
            topic, mid, payload = packets.parse_publish(flags, body)
            if mid:
                line.write(packets.puback(mid))
            self._user.message(topic, payload)
        elif kind == packets.PUBACK:
            self._user.acked(int.from_bytes(body[:2], "big"))
        elif kind == packets.CONNACK:
            self._answered(line, accepted=body[1:2] == b"\x00")
        elif kind == packets.SUBACK:
            self._answered(line, accepted=body[2:3] == b"\x01", subscribed=True)

    def lost(self, line: Line, *, refused: bool) -> None:
        """Try again, after a while."""
        if line is self._line:
            self._counts.refused += refused
            self._failed()

    # --- connecting ---

    def _connect(self) -> None:
        self._line = Line(self, self._link)
        self._attempt = asyncio.get_running_loop().create_task(self._dial(self._line))
        self._in(ANSWER_S, self._too_late)

    async def _dial(self, line: Line) -> None:
        try:
            await line.dial(self._link, self._source)
        except OSError:
            if line is self._line:
                self._failed()
        finally:
            if line is self._line:
                self._attempt = None

    def _answered(self, line: Line, *, accepted: bool, subscribed: bool = False) -> None:
        if not accepted:
            self._counts.refused += 1
            line.abort()
        elif not subscribed:
            # In one write, as they go out one behind the other on the terminal's serial line too.
            state = packets.publish(STATE_MID, *self._user.state("online"), retain=True)
            line.write(packets.subscribe(_SUBSCRIBE_MID, self._user.topic_filter) + state)
        else:
            self._pinged = False
            self._in(PING_S, self._ping)
            self._set(up=True)

    def _too_late(self) -> None:
        self._drop()
        self._again()

    def _failed(self) -> None:
        self._line = self._attempt = None
        self._set(up=False)
        self._again()

    def _again(self) -> None:
        self._counts.reconnects += 1
        held = self._up_at and asyncio.get_running_loop().time() - self._up_at >= HELD_S
        self._up_at = 0.0
        if held:
            self._wait_s = BACKOFF_FIRST_S
            self._in(BACKOFF_FIRST_S + self._dice.uniform(0.0, SPREAD_S), self._connect)
        else:
            self._in(self._wait_s * self._dice.uniform(0.75, 1.25), self._connect)
        self._wait_s = min(self._wait_s * 2, BACKOFF_MOST_S)

    def _drop(self) -> None:
        """Cut without being told of it."""
        line, self._line = self._line, None
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        if line is not None:
            line.forget()
        self._set(up=False)

    def _set(self, *, up: bool) -> None:
        if up is not self.up:
            self.up = up
            if up:
                self._up_at = asyncio.get_running_loop().time()
            self._user.went(up=up)

    # --- while it is up ---

    def _ping(self) -> None:
        if self._pinged:
            self._too_late()
        elif self.silent:
            self._in(1.0, self._ping)
        else:
            self._pinged = True
            self._write(packets.PINGREQ)
            self._in(ANSWER_S, self._after_ping)

    def _after_ping(self) -> None:
        if self._pinged:
            self._too_late()
        else:
            self._in(PING_S - ANSWER_S, self._ping)

    def _write(self, data: bytes) -> None:
        if self._line is not None:
            self._line.write(data)

    def _in(self, seconds: float, work: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, work)
