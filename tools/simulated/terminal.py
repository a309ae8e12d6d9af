"""One terminal without hardware: boot, heartbeats, presses, calls, commands, over a real MQTT 3.1.1 connection.

In: keys, and what comes down. Out: messages of `protocol`, and JSON-able lines of what an elder would see.
A receipted message is written to the sent file before it is sent, and is sent until its receipt comes.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any

from protocol import ids, messages, topics
from protocol.errors import RemoteProtocolError
from tools.simulated import commands
from tools.simulated.alarm import Alarm
from tools.simulated.daybook import DayBook
from tools.simulated.dice import Dice
from tools.simulated.household import SHIPPED_PLAN, Household, Pace, Rung
from tools.simulated.line import Link
from tools.simulated.outbox import Outbox
from tools.simulated.session import STATE_MID, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.simulated.counts import Counts, SentFile
    from tools.simulated.outbox import Entry

__all__ = ["Link", "Terminal"]

HEARTBEAT_S = 600  # shipped
WINDOW = 10  # receipted messages that the broker has not acknowledged: what a terminal on 2G has under way
CIDS_KEPT = 16  # a command that comes again is not carried out again
FIRMWARE = "simulated-1"
_CRC_VALUES = 1 << 32


class Terminal:
    """One terminal: `start`, keys, `stop`."""

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
        seed: str = "",
        source: str | None = None,
    ) -> None:
        self.device_id = device_id
        self.outbox = Outbox()
        self.counts = counts
        self.pace = pace or Pace()
        self.household = Household(seed, device_id)
        self.daybook = DayBook(time.time())
        self.topic_filter = topics.terminal_filter(device_id)
        self._session = Session(
            self,
            device_id=device_id,
            password=password,
            link=link,
            counts=counts,
            dice=Dice(seed, device_id, "backoff"),
            source=source,
        )
        self._sent = sent
        self._sent_heartbeats = sent_heartbeats
        self._pinned_s = heartbeat_s  # asked for by the caller: a configuration does not change it
        self._heartbeat_s = heartbeat_s or HEARTBEAT_S
        self._tell_line = tell
        # Ids must never repeat over the life of a terminal, also not in the next run of this program.
        self._epoch = f"{time.time_ns() // 1_000_000 & 0xFFFFFFFF:08x}"
        self._boot = 0
        self._sequence = 0
        self._started = time.monotonic()
        self._config = 0
        self._plan: dict[str, list[Rung]] = {}
        self._alarm: Alarm | None = None
        self._open_press: str | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._press_sent: dict[str, float] = {}
        self._cids: deque[str] = deque(maxlen=CIDS_KEPT)
        self._under_way: set[int] = set()  # packet ids of receipted messages that the broker has not acknowledged
        self._beats_under_way: set[int] = set()
        self._missed = self._drops = 0
        self._beaten = self._leaving = False
        self._sending: asyncio.TimerHandle | None = None
        self._beating: asyncio.TimerHandle | None = None

    @property
    def is_connected(self) -> bool:
        """Connected and subscribed."""
        return self._session.up

    @property
    def quiet(self) -> bool:
        """Nothing waits for a receipt and no call is going on."""
        return not len(self.outbox) and self._dialling is None

    def start(self, after_s: float = 0.0) -> None:
        """Boot, and connect then."""
        self._booted("power")
        self._session.start(after_s)
        self._beat_in(after_s + self._to_next_beat())

    def farewell(self) -> None:
        """Say that we go, as the will would."""
        self._leaving = True
        self._end_calls()
        self._session.farewell()

    def stop(self) -> None:
        """Off. What waits for a receipt is lost with it: a simulated terminal has no storage."""
        self._end_calls()
        for timer in (self._sending, self._beating):
            if timer is not None:
                timer.cancel()
        self._session.stop()

    def press(self, key: str = "sos", hold_ms: int = 1200) -> str:
        """Work a key; the id of the press. Cancel takes the open press back and ends its calls."""
        body: dict[str, Any] = {"key": key, "hold": hold_ms, "how": "hold" if key == "sos" else "short"}
        if key == "cancel":
            body["how"] = "short"
            body["ref"] = self._open_press
        message_id = self.happened("press", **body)
        self.daybook.count("presses")
        self.tell(lamp="pressed")
        if key == "cancel":
            self._end_calls()
        elif self._dialling is None:
            self._open_press = message_id
            self._alarm = Alarm(self, message_id, key, self._plan.get(key, SHIPPED_PLAN), self._config)
            self._dialling = asyncio.get_running_loop().create_task(self._alarm.run())
            self._dialling.add_done_callback(self._alarm_over)
            self.counts.dialling += 1
        return message_id

    def fault(self, name: str, restore: str, for_s: float, text: str | None = None) -> None:
        """Something fails for a while; told when it begins and when it is over."""
        more = {} if text is None else {"txt": text}
        self.happened("event", ev=name, **more)
        self.counts.faults += 1
        self.daybook.count("stuck" if name == "key_stuck" else "faults")
        if name == "mains_lost":
            self.household.mains = False
        asyncio.get_running_loop().call_later(for_s, self._restored, restore, for_s, more)

    def cut(self, for_s: float) -> None:
        """No data for so long; calls go on."""
        self.counts.cuts += 1
        self.fault("data_lost", "data_back", for_s)
        self._session.cut(for_s)

    def day_over(self, now: float) -> None:
        """If a Shanghai day has ended, its record goes out."""
        record = self.daybook.over(now)
        if record is not None:
            self.happened("day", **record)

    # --- the session's user ---

    def state(self, word: str) -> tuple[str, bytes]:
        """Topic and payload of the will, or of what is said instead of it."""
        return self._topic("state"), self._encoded("state", {"st": word})

    def went(self, *, up: bool) -> None:
        """Connected and subscribed, or not any more."""
        self.counts.connected += 1 if up else -1
        self.counts.cut_off += not up
        self.tell(note="connected" if up else "disconnected")
        self._under_way.clear()
        self._beats_under_way.clear()
        if up:
            self.outbox.again(time.monotonic())
            self._send_due()
            if not self._beaten:
                self._beat_now()

    def acked(self, mid: int) -> None:
        """The broker has that message: nothing follows but that more may go."""
        if mid in self._beats_under_way:
            self._beats_under_way.discard(mid)
            self.counts.heartbeats_acked += 1
        elif mid in self._under_way:
            self._under_way.discard(mid)
            if len(self._under_way) == WINDOW - 1:
                self._send_due()
        elif mid == STATE_MID and self._leaving:
            self.counts.farewells += 1

    def message(self, topic: str, payload: bytes) -> None:
        """Something came down."""
        try:
            _, kind, device = topics.parse(topic)
            fields = messages.decode("down", kind, payload)
        except RemoteProtocolError:
            self.counts.bad_down += 1
            return
        if device != self.device_id:
            self.counts.bad_down += 1
            return
        getattr(self, f"_on_{kind}")(fields)

    # --- what goes up ---

    def happened(self, kind: str, **body: Any) -> str:
        """Something happened that must be told: keep it until its receipt."""
        common = self._common()
        del common["s"]
        if not self.outbox.put(common["id"], kind, {**common, **body}, time.monotonic()):
            self.counts.dropped += 1
            self._drops += 1
        self._send_due()
        return str(common["id"])

    def hold_line(self, *, held: bool) -> None:
        """In a call GPRS is suspended: nothing leaves."""
        self._session.silent = held
        if not held:
            self._send_due()

    def _send_due(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        if not self._session.up or self._session.silent:
            return
        now = time.monotonic()
        for entry in self.outbox.due(now):
            if len(self._under_way) >= WINDOW:
                return  # an acknowledgement goes on from here
            self._send(entry, now)
        next_due = self.outbox.next_due()
        if next_due is not None:
            self._sending = asyncio.get_running_loop().call_later(max(0.0, next_due - now), self._send_due)

    def _send(self, entry: Entry, now: float) -> None:
        if entry.sent_at is None:
            self._write_down(entry.id, entry.kind, entry.body)
            self.counts.sent[entry.kind] += 1
            if entry.kind == "press":
                self._press_sent[entry.id] = now
        else:
            self.counts.resent += 1
        self.outbox.tried(entry, now)
        of_this_boot = entry.id.split(".")[1] == str(self._boot)
        uptime = self._uptime_ms() if of_this_boot else None
        payload = messages.encode("up", entry.kind, {**entry.body, "s": uptime})
        self._under_way.add(self._session.publish(self._topic(entry.kind), payload))

    def _write_down(self, message_id: str, kind: str, body: dict[str, Any]) -> None:
        if self._sent is not None:
            at = round(time.time(), 3)
            self._sent.write({"device": self.device_id, "id": message_id, "kind": kind, "body": body, "at": at})

    def _to_next_beat(self) -> float:
        """Seconds. The phase comes from the device id: what lost mains together does not beat together."""
        phase = zlib.crc32(self.device_id.encode()) / _CRC_VALUES * self._heartbeat_s
        return self._heartbeat_s - (time.monotonic() - phase) % self._heartbeat_s

    def _beat_in(self, seconds: float) -> None:
        if self._beating is not None:
            self._beating.cancel()
        self._beating = asyncio.get_running_loop().call_later(seconds, self._beat)

    def _beat(self) -> None:
        self._beat_now()
        self._beat_in(self._to_next_beat())

    def _beat_now(self) -> None:
        self.daybook.count("beats")
        if not self._session.up or self._session.silent:
            self._missed += 1
            self.counts.missed += 1
            return
        state = {"box": len(self.outbox), "drops": self._drops, "call": 0, "cfg": self._config}
        common = self._common()
        body = {**common, **state, **self.household.readings(), "missed": self._missed}
        if self._sent_heartbeats:
            self._write_down(common["id"], "hb", body)
        self._beats_under_way.add(self._session.publish(self._topic("hb"), messages.encode("up", "hb", body)))
        self.counts.heartbeats += 1
        self._missed, self._beaten = 0, True

    # --- what comes down ---

    def _on_receipt(self, fields: dict[str, Any]) -> None:
        for message_id in fields["of"]:
            entry = self.outbox.received(message_id)
            if entry is None:
                self.counts.receipts_again += 1
                continue
            self.counts.receipts += 1
            if entry.kind == "press" and entry.sent_at is not None:
                self.counts.took(self.counts.receipt_ms, time.monotonic() - entry.sent_at)
            self.tell(note="receipt", id=message_id)

    def _on_route(self, fields: dict[str, Any]) -> None:
        if fields["ref"] != self._open_press or fields["exp"] <= time.time():
            return
        self.counts.routes += 1
        sent_at = self._press_sent.pop(fields["ref"], None)
        if sent_at is not None:
            self.counts.took(self.counts.route_ms, time.monotonic() - sent_at)
        self.tell(note="route", labels=[rung[0] for rung in fields["plan"]])
        if self._alarm is not None:
            self._alarm.route(fields)

    def _on_desk(self, fields: dict[str, Any]) -> None:
        if fields["ref"] != self._open_press or fields["exp"] <= time.time():
            return
        self.counts.lamps += 1
        self.tell(lamp="off" if fields["st"] == "closed" else fields["st"])
        if self._alarm is not None:
            self._alarm.desk(fields["st"])

    def _on_config(self, fields: dict[str, Any]) -> None:
        if fields["ver"] == self._config:
            return
        self._config = fields["ver"]
        self._plan = fields["plan"]
        self._heartbeat_s = self._pinned_s or fields["hb"]
        self.counts.configs += 1
        self.happened("event", ev="config_applied", val=self._config)
        self._beat_now()
        self._beat_in(self._to_next_beat())

    def _on_cmd(self, fields: dict[str, Any]) -> None:
        cid = fields["cid"]
        if cid in self._cids:
            return
        self._cids.append(cid)
        self.counts.commands += 1
        vals = [["drops", self._drops], ["aside", self.outbox.aside]]
        answer = commands.answer(fields, time.time(), in_alarm=self._dialling is not None, vals=vals)
        done = answer["st"] == "done"
        if done and fields["do"] == "report":
            self._beat_now()
        self.happened("result", cid=cid, **answer)
        if done and fields["do"] == "reboot":
            self._session.cut(self.pace.route_wait)
            self._booted("command")

    # --- the rest ---

    def _booted(self, cause: str) -> None:
        self._boot += 1
        self._sequence = 0
        self._started = time.monotonic()
        self._beaten = False
        self.happened("boot", board="simulated", fw=FIRMWARE, cfg=self._config, cause=cause)

    def _restored(self, name: str, after_s: float, more: dict[str, Any]) -> None:
        if name == "mains_back":
            self.household.mains = True
        self.happened("event", ev=name, val=round(after_s), **more)

    def _end_calls(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()

    def _alarm_over(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() and self._open_press is not None:
            self.happened("event", ev="ladder_cancelled", ref=self._open_press)
        elif not task.cancelled():
            task.result()
        self._alarm = self._dialling = None
        self.counts.dialling -= 1
        self.tell(lamp="ready")

    def _encoded(self, kind: str, body: dict[str, Any]) -> bytes:
        return messages.encode("up", kind, {**self._common(), **body})

    def _common(self) -> dict[str, Any]:
        self._sequence += 1
        uptime = self._uptime_ms()
        message_id = ids.make_id(self._epoch, self._boot, self._sequence)
        return {"id": message_id, "t": int(time.time()), "u": uptime, "s": uptime}

    def _uptime_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def _topic(self, kind: str) -> str:
        return topics.build("up", kind, self.device_id)

    def tell(self, **line: Any) -> None:
        """What an elder would see."""
        if self._tell_line is not None:
            self._tell_line({"ms": self._uptime_ms(), "device": self.device_id, **line})
