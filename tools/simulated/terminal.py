"""One terminal without hardware: boot, heartbeats, presses, calls, over a real MQTT 3.1.1 connection.

In: keys, and what comes down. Out: messages of `protocol`, and JSON-able lines of what an elder would see.
A receipted message is written to the sent file before it is sent, and is sent until its receipt comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiomqtt

from protocol import ids, messages, topics
from protocol.errors import RemoteProtocolError
from tools.simulated.household import ANSWERED, SHIPPED_PLAN, Household, Pace, Rung
from tools.simulated.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tools.simulated.counts import Counts, SentFile
    from tools.simulated.outbox import Entry

HEARTBEAT_S = 600  # shipped
KEEPALIVE_S = 300
BACKOFF_FIRST_S, BACKOFF_MOST_S = 1.0, 120.0  # doubled each time, +-25 %, so that a fleet does not come back at once
FIRMWARE = "simulated-1"


@dataclass(frozen=True)
class Link:
    """Where the broker is."""

    host: str
    port: int


class Terminal:
    """One terminal. `run` lives until it is cancelled; `press` may be called at any time."""

    def __init__(
        self,
        device_id: str,
        password: str | None,
        link: Link,
        counts: Counts,
        *,
        sent: SentFile | None = None,
        sent_heartbeats: bool = False,
        heartbeat_s: float | None = None,
        pace: Pace | None = None,
        tell: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.device_id = device_id
        self.outbox = Outbox()
        self.is_connected = False
        self.household = Household(device_id)
        self._password = password
        self._link = link
        self._counts = counts
        self._sent = sent
        self._sent_heartbeats = sent_heartbeats
        self._pinned_s = heartbeat_s  # asked for by the caller: a configuration does not change it
        self._heartbeat_s = heartbeat_s or HEARTBEAT_S
        self._pace = pace or Pace()
        self._tell_line = tell
        # Ids must never repeat over the life of a terminal, also not in the next run of this program.
        self._epoch = f"{time.time_ns() // 1_000_000 & 0xFFFFFFFF:08x}"
        self._sequence = 0
        self._started = time.monotonic()
        self._wake = asyncio.Event()
        self._beat_now = asyncio.Event()
        self._config = 0
        self._plan: dict[str, list[Rung]] = {}
        self._open_press: str | None = None
        self._route: asyncio.Future[dict[str, Any]] | None = None
        self._press_sent: dict[str, float] = {}
        self._accepted = asyncio.Event()
        self._in_call = False
        self._alarm: asyncio.Task[None] | None = None
        self._happened("boot", board="simulated", fw=FIRMWARE, cfg=0, cause="power")

    @property
    def quiet(self) -> bool:
        """Nothing waits for a receipt and no call is going on."""
        return not len(self.outbox) and self._alarm is None

    async def run(self, start_after_s: float = 0.0) -> None:
        """Connect, and connect again whenever the line breaks."""
        await asyncio.sleep(start_after_s)
        wait_s = BACKOFF_FIRST_S
        try:
            while True:
                began = time.monotonic()
                with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
                    await self._session()
                self._counts.reconnects += 1
                wait_s = BACKOFF_FIRST_S if time.monotonic() - began > BACKOFF_MOST_S else wait_s
                await asyncio.sleep(wait_s * self.household.dice.uniform(0.75, 1.25))
                wait_s = min(wait_s * 2, BACKOFF_MOST_S)
        finally:
            if self._alarm is not None:
                self._alarm.cancel()

    def press(self, key: str = "sos", hold_ms: int = 1200) -> str:
        """Work a key; the id of the press. Cancel takes the open press back and ends its calls."""
        body: dict[str, Any] = {"key": key, "hold": hold_ms, "how": "hold" if key == "sos" else "short"}
        if key == "cancel":
            body["how"] = "short"
            body["ref"] = self._open_press
        message_id = self._happened("press", **body)
        self._tell(lamp="pressed")
        if key == "cancel":
            if self._alarm is not None:
                self._alarm.cancel()
        elif self._alarm is None:
            self._open_press = message_id
            self._alarm = asyncio.get_running_loop().create_task(self._call_for_help(message_id, key))
            self._alarm.add_done_callback(self._alarm_over)
        return message_id

    # --- the line ---

    async def _session(self) -> None:
        will = aiomqtt.Will(self._topic("state"), self._encoded("state", st="offline"), qos=1, retain=True)
        async with aiomqtt.Client(
            self._link.host,
            self._link.port,
            username=self.device_id,
            password=self._password,
            identifier=self.device_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
            keepalive=KEEPALIVE_S,
            will=will,
        ) as client:
            await client.subscribe(topics.terminal_filter(self.device_id), qos=1)
            await client.publish(self._topic("state"), self._encoded("state", st="online"), qos=1, retain=True)
            self._connected(up=True)
            try:
                await _first_of(self._listen(client), self._send_due(client), self._beat(client))
            except asyncio.CancelledError:
                # Asked to end, not cut off: say so, as the will would. A broker that is gone as well may not stop us.
                with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                    farewell = client.publish(
                        self._topic("state"), self._encoded("state", st="offline"), 1, retain=True
                    )
                    await asyncio.wait_for(farewell, 1.0)
                raise
            finally:
                self._connected(up=False)

    def _connected(self, *, up: bool) -> None:
        self.is_connected = up
        self._counts.connected += 1 if up else -1
        self._tell(note="connected" if up else "disconnected")
        if up:
            self.outbox.again(time.monotonic())
            self._wake.set()

    async def _send_due(self, client: aiomqtt.Client) -> None:
        while True:
            self._wake.clear()
            # In a call GPRS is suspended: nothing leaves.
            for entry in [] if self._in_call else self.outbox.due(time.monotonic()):
                await self._send(client, entry)
            next_due = None if self._in_call else self.outbox.next_due()
            wait_s = None if next_due is None else max(0.0, next_due - time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)

    async def _send(self, client: aiomqtt.Client, entry: Entry) -> None:
        now = time.monotonic()
        if entry.sent_at is None:
            self._write_down(entry.id, entry.kind, entry.body)
            self._counts.sent[entry.kind] += 1
            if entry.kind == "press":
                self._press_sent[entry.id] = now
        else:
            self._counts.resent += 1
        self.outbox.tried(entry, now)
        payload = messages.encode("up", entry.kind, {**entry.body, "s": self._uptime_ms()})
        await client.publish(self._topic(entry.kind), payload, qos=1)

    def _write_down(self, message_id: str, kind: str, body: dict[str, Any]) -> None:
        if self._sent is not None:
            at = round(time.time(), 3)
            self._sent.write({"device": self.device_id, "id": message_id, "kind": kind, "body": body, "at": at})

    async def _beat(self, client: aiomqtt.Client) -> None:
        while True:
            if not self._in_call:
                body = {
                    "box": len(self.outbox),
                    "drops": 0,
                    "call": 0,
                    "cfg": self._config,
                    **self.household.readings(),
                }
                whole = {**self._common(), **body}
                if self._sent_heartbeats:
                    self._write_down(whole["id"], "hb", whole)
                await client.publish(self._topic("hb"), messages.encode("up", "hb", whole), qos=1)
                self._counts.heartbeats += 1
            self._beat_now.clear()
            with contextlib.suppress(TimeoutError):
                wait_s = self._heartbeat_s * self.household.dice.uniform(0.9, 1.1)
                await asyncio.wait_for(self._beat_now.wait(), wait_s)

    # --- what comes down ---

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            try:
                _, kind, _ = topics.parse(str(message.topic))
                fields = messages.decode("down", kind, payload if isinstance(payload, bytes) else b"")
            except RemoteProtocolError:
                self._counts.bad_down += 1
                continue
            getattr(self, f"_on_{kind}")(fields)

    def _on_receipt(self, fields: dict[str, Any]) -> None:
        for message_id in fields["of"]:
            entry = self.outbox.received(message_id)
            if entry is None:
                self._counts.receipts_again += 1
                continue
            self._counts.receipts += 1
            if entry.kind == "press" and entry.sent_at is not None:
                self._counts.took(self._counts.receipt_ms, time.monotonic() - entry.sent_at)
            self._tell(note="receipt", id=message_id)

    def _on_route(self, fields: dict[str, Any]) -> None:
        if fields["ref"] != self._open_press or fields["exp"] <= time.time():
            return
        self._counts.routes += 1
        sent_at = self._press_sent.pop(fields["ref"], None)
        if sent_at is not None:
            self._counts.took(self._counts.route_ms, time.monotonic() - sent_at)
        self._tell(note="route", labels=[rung[0] for rung in fields["plan"]])
        if self._route is not None and not self._route.done():
            self._route.set_result(fields)

    def _on_desk(self, fields: dict[str, Any]) -> None:
        if fields["ref"] != self._open_press or fields["exp"] <= time.time():
            return
        self._counts.lamps += 1
        self._tell(lamp="off" if fields["st"] == "closed" else fields["st"])
        if fields["st"] == "accepted":
            self._accepted.set()

    def _on_config(self, fields: dict[str, Any]) -> None:
        if fields["ver"] == self._config:
            return
        self._config = fields["ver"]
        self._plan = fields["plan"]
        self._heartbeat_s = self._pinned_s or fields["hb"]
        self._counts.configs += 1
        self._happened("event", ev="config_applied", val=self._config)
        self._beat_now.set()

    def _on_cmd(self, fields: dict[str, Any]) -> None:
        if fields["exp"] <= time.time():
            result = "expired"
        else:
            result = "done" if fields["do"] in {"report", "selftest"} else "refused"
        self._beat_now.set()
        self._happened("result", cid=fields["cid"], st=result)

    # --- a press and its calls ---

    async def _call_for_help(self, ref: str, key: str) -> None:
        self._accepted.clear()
        self._route = asyncio.get_running_loop().create_future()
        told: dict[str, Any] = {"case": None, "ver": self._config, "plan": self._plan.get(key, SHIPPED_PLAN)}
        source = "stored"
        with contextlib.suppress(TimeoutError):
            # Without data no route can come: the stored plan is dialled at once.
            wait_s = self._pace.route_wait if self.is_connected else 0
            told, source = await asyncio.wait_for(self._route, wait_s), "route"
        for number, rung in enumerate(told["plan"]):
            facts = {"ref": ref, "to": rung[0], "rung": number, "cycle": 0, "src": source, "ver": told["ver"]}
            if told["case"]:
                facts["case"] = told["case"]
            if await self._call(rung, facts) or self._accepted.is_set():
                return
        self._happened("event", ev="ladder_exhausted", ref=ref)
        self._tell(lamp="nobody")

    async def _call(self, rung: Rung, facts: dict[str, Any]) -> bool:
        """Call one target; whether somebody talked."""
        self._counts.calls += 1
        self._step("dial", facts)
        try:
            self._in_call = True
            self._step("ring", facts)
            await asyncio.sleep(self._pace.ring)
            outcome = self.household.outcome(rung)
            if outcome != ANSWERED:
                self._step("fail", facts, cause=outcome)
                return False
            self._step("talk", facts)
            began = time.monotonic()
            await asyncio.sleep(self._pace.talk)
            self._step("end", facts, dur=round(time.monotonic() - began), cause="remote_hangup")
            return True
        except asyncio.CancelledError:
            self._step("fail", facts, cause="local_hangup")
            raise
        finally:
            self._in_call = False
            self._wake.set()

    def _step(self, step: str, facts: dict[str, Any], **more: Any) -> None:
        self._happened("call", step=step, **facts, **more)
        lamp = {"dial": "calling", "ring": "ringing", "talk": "talking"}.get(step)
        if lamp is not None:
            self._tell(lamp=lamp, to=facts["to"])

    def _alarm_over(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() and self._open_press is not None:
            self._happened("event", ev="ladder_cancelled", ref=self._open_press)
        self._alarm = None
        self._tell(lamp="ready")

    # --- messages ---

    def _happened(self, kind: str, **body: Any) -> str:
        """Something happened that must be told: keep it until its receipt."""
        common = self._common()
        del common["s"]
        if not self.outbox.put(common["id"], kind, {**common, **body}, time.monotonic()):
            self._counts.dropped += 1
        self._wake.set()
        return str(common["id"])

    def _encoded(self, kind: str, **body: Any) -> bytes:
        return messages.encode("up", kind, {**self._common(), **body})

    def _common(self) -> dict[str, Any]:
        self._sequence += 1
        uptime = self._uptime_ms()
        message_id = ids.make_id(self._epoch, 1, self._sequence)
        return {"id": message_id, "t": int(time.time()), "u": uptime, "s": uptime}

    def _uptime_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def _topic(self, kind: str) -> str:
        return topics.build("up", kind, self.device_id)

    def _tell(self, **line: Any) -> None:
        if self._tell_line is not None:
            self._tell_line({"ms": self._uptime_ms(), "device": self.device_id, **line})


async def _first_of(*parts: Awaitable[None]) -> None:
    """Run parts side by side until one ends or fails; the others are cancelled."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
