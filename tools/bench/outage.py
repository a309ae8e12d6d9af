"""`onekey bench outage`: the database goes away under load and comes back.

In: how long, how, how many heartbeats and presses a second. Out: what was lost or doubled, compared by id and content
with what was written down before it was published; where the backlog lay; how long until it was gone; what a press
took before, during and after. The reference, in the same run and on the same server: the same backlog through
`mosquitto_sub | psql copy` into a table without an index.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud.ingest.beats import BATCH_MAX
from cloud.ingest.listen import UNACKED_MAX as MESSAGES_UNACKED_MAX
from cloud.ingest.subscriber import UNACKED_MAX as BEATS_UNACKED_MAX
from protocol import messages
from protocol.codes import KEYS
from tools.bench.ingest import KEPT, RSS_LIMIT_MB, SETTINGS, Machine, Sizes, beats, compare, counted_days, stored
from tools.bench.ingest import publish as publish_all
from tools.bench.ingest import published as messages_of
from tools.embedded.mosquitto import SETTINGS as BROKER_SETTINGS
from tools.embedded.mosquitto import Mosquitto
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import MQTTMessage

    Tell = Callable[[str, float], None]

HOWS = ("stopped", "frozen")
HELD_BY = "the broker's queues of the sessions okc-beats and okc-ingest; in ingest itself no more than settings.unacked"
LEAD_S, TAIL_S = 10.0, 10.0  # of load before, and after the backlog is gone
PATIENCE_S = 1_800.0  # for the backlog to be gone
CAUGHT_UP_S = 2.0  # of load under way is no backlog
TICK_S = 0.02
LOOK_S = 0.5
PRESS_BOOT = 9  # ids of presses, apart from those of heartbeats
PIPE_BOOT = 2
SEQUENCE_BEATS = 1_000_000_000  # more than any run sends


@dataclass(frozen=True)
class Load:
    """Of one run."""

    rate: int
    presses: float
    devices: int
    seed: int


class Sender(threading.Thread):
    """Publishes at an even pace, each written down before; keeps when a press left and when its receipt came."""

    def __init__(self, machine: Machine, load: Load) -> None:
        super().__init__(daemon=True)
        self.beats_sent = 0
        self.presses_sent = 0
        self.left: dict[tuple[str, str], float] = {}
        self.told: dict[tuple[str, str], float] = {}
        self._load = load
        self._path = machine.folder / "sent.jsonl"
        self._over = threading.Event()
        self._beats = beats(Sizes(SEQUENCE_BEATS, load.devices, load.seed), 1)
        self._draw = random.Random(load.seed)
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="load", protocol=MQTTProtocolVersion.MQTTv311)
        self._client.max_inflight_messages_set(1_000)
        self._client.on_message = self._on_receipt
        self._client.connect("127.0.0.1", machine.broker.port)
        self._client.subscribe("okc/v1/down/receipt/+", 1)
        self._client.loop_start()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Until `end`."""
        try:
            with self._path.open("w", encoding="ascii") as file:
                begun = time.monotonic()
                while not self._over.wait(TICK_S):
                    passed = time.monotonic() - begun
                    while self.beats_sent < passed * self._load.rate:
                        device_id, fields = next(self._beats)
                        kept = [fields[name] for name in KEPT]
                        self._publish(file, "hb", device_id, fields | {"t": int(time.time())}, kept)
                        self.beats_sent += 1
                    while self.presses_sent < passed * self._load.presses:
                        self._press(file)
        except BaseException as error:  # noqa: BLE001 - raised again in `end`, in the thread that waits
            self.error = error

    def _press(self, file: Any) -> None:
        self.presses_sent += 1
        device_id = f"BJ{self._draw.randrange(self._load.devices):08d}"
        key, hold = self._draw.choice([key for key in KEYS if key != "cancel"]), self._draw.randint(1_000, 2_500)
        at = {"t": int(time.time()), "u": 60_000, "s": 60_000}
        fields = {"id": f"0badcafe.{PRESS_BOOT}.{self.presses_sent}", **at, "key": key, "hold": hold, "how": "hold"}
        self.left[device_id, str(fields["id"])] = time.monotonic()
        self._publish(file, "press", device_id, fields, [key, hold])

    def _publish(self, file: Any, kind: str, device_id: str, fields: dict[str, Any], kept: list[Any]) -> None:
        file.write(json.dumps([kind, device_id, fields["id"], *kept]) + "\n")
        file.flush()
        self._client.publish(f"okc/v1/up/{kind}/{device_id}", messages.encode("up", kind, fields), qos=1)

    def _on_receipt(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now, device_id = time.monotonic(), message.topic.rsplit("/", 1)[1]
        of: list[str] = messages.decode("down", "receipt", bytes(message.payload))["of"]  # type: ignore[assignment]
        for each in of:
            self.told.setdefault((device_id, each), now)

    def end(self) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
        """No more; what was written down: heartbeats, presses."""
        self._over.set()
        self.join()
        if self.error is not None:
            raise self.error
        lines = [json.loads(line) for line in self._path.read_text(encoding="ascii").splitlines()]
        return ({tuple(line[1:]) for line in lines if line[0] == "hb"},
                {tuple(line[1:]) for line in lines if line[0] == "press"})  # fmt: skip

    def close(self) -> None:
        """Receipts are not listened for any more."""
        self._client.disconnect()
        self._client.loop_stop()


def figures(load: Load, down_s: float, how: str, tell: Tell) -> dict[str, Any]:
    """Everything once."""
    # Two: as root the server runs as nobody, who must not read what lies in the other.
    folder, beside = Path(tempfile.mkdtemp(prefix="okcoutage")), Path(tempfile.mkdtemp(prefix="okcpg"))
    server, broker = Postgres(beside, durable=True), Mosquitto(folder)
    try:
        server.start()
        broker.start()
        machine = Machine(folder, server, broker, Sizes(1, load.devices, load.seed))
        found = _run(machine, load, down_s, how, tell)
        tell("reference", 0.1)
        found["pipe_per_s"] = _reference(machine, load, found["backlog"])
        tell("reference", 1.0)
        clean = not any(found[name] for name in ("lost", "doubled", "altered", "miscounted"))
        return found | {
            "rss_limit_mb": RSS_LIMIT_MB,
            "met": clean and found["rss_mb"] <= RSS_LIMIT_MB,
            "settings": _settings(machine, load),
        }
    finally:
        broker.stop()
        server.stop()
        for each in (folder, beside):
            shutil.rmtree(each, ignore_errors=True)


def _run(machine: Machine, load: Load, down_s: float, how: str, tell: Tell) -> dict[str, Any]:
    ingest, send = machine.ingest(), machine.ingest("send")
    sender = Sender(machine, load)
    sender.start()
    try:
        time.sleep(LEAD_S)
        gone = time.monotonic()
        (machine.server.freeze if how == "frozen" else machine.server.stop)()
        while (passed := time.monotonic() - gone) < down_s:
            tell("outage", passed / down_s)
            time.sleep(min(LOOK_S, down_s - passed))
        sent_before = sender.beats_sent
        (machine.server.thaw if how == "frozen" else machine.server.start)()
        back = time.monotonic()
        held = sender.beats_sent - counted_days(machine)
        tell("drain", 0.1)
        drain_s = _caught_up(machine, sender, load, back)
        drained = sender.beats_sent - sent_before + held
        time.sleep(TAIL_S)
        sent, pressed = sender.end()
        _all_there(machine, len(sent), len(pressed), sender)
        found = _judged(machine, sent, pressed)
        rss = {"rss_mb": ingest.rss_mb(), "broker_rss_mb": machine.broker.rss_mb()}
    finally:
        sender.close()
        for each in (ingest, send):
            each.stop()
    return {
        "seconds_down": round(back - gone, 1), "how": how, **found, "backlog": held, "held_by": HELD_BY,
        "drain_s": round(drain_s, 1), "drain_per_s": round(drained / drain_s), **rss,
        "press_ms": latencies(sender.left, sender.told, gone, back, back + drain_s),
    }  # fmt: skip


def latencies(
    left: dict[tuple[str, str], float], told: dict[tuple[str, str], float], gone: float, back: float, drained: float
) -> dict[str, dict[str, int] | None]:
    """Press to receipt in ms, by when the press left: before the outage, in it, while it drained, after that."""
    parts: dict[str, list[float]] = {"before": [], "during": [], "draining": [], "after": []}
    for press, at in left.items():
        part = "before" if at < gone else "during" if at < back else "draining" if at < drained else "after"
        if press in told:
            parts[part].append((told[press] - at) * 1000)
    return {part: _percentiles(values) for part, values in parts.items()}


def _percentiles(values: list[float]) -> dict[str, int] | None:
    if not values:
        return None
    ranked = sorted(round(value) for value in values)
    last = len(ranked)
    return {"n": last, "p50": ranked[last // 2], "p99": ranked[last * 99 // 100], "max": ranked[-1]}


def _caught_up(machine: Machine, sender: Sender, load: Load, back: float) -> float:
    """Seconds from the return until no more is under way than a moment's load."""
    while sender.beats_sent - counted_days(machine) > load.rate * CAUGHT_UP_S:
        if time.monotonic() - back > PATIENCE_S:
            raise RuntimeError("the backlog does not get shorter")
        time.sleep(LOOK_S)
    return time.monotonic() - back


def _all_there(machine: Machine, beats_sent: int, presses: int, sender: Sender) -> None:
    """Until as many are stored as were sent and every press is receipted, or nothing comes any more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if counted_days(machine) >= beats_sent and len(_pressed(machine)) >= presses and len(sender.told) >= presses:
            return
        time.sleep(LOOK_S)


def _judged(machine: Machine, sent: set[tuple[Any, ...]], pressed: set[tuple[Any, ...]]) -> dict[str, Any]:
    """Both kinds, compared by id and content; the sums over both in front."""
    of_beats = compare(sent, stored(machine), counted_days(machine))
    rows = _pressed(machine)
    with psycopg.connect(machine.dsn) as conn:
        row = conn.execute("select coalesce(sum(presses), 0), (select count(*) from quarantine) from device_day")
        in_days, quarantined = row.fetchone() or (0, 0)
    of_presses = compare(pressed, rows, int(in_days))
    there = len(sent) - of_beats["lost"] + len(pressed) - of_presses["lost"]
    both = dict(Counter(of_beats) + Counter(of_presses))
    return {
        "sent": len(sent) + len(pressed), "stored": there, **{name: both.get(name, 0) for name in of_beats},
        "quarantined": quarantined, "presses": {"sent": len(pressed), **of_presses},
    }  # fmt: skip


def _pressed(machine: Machine) -> list[tuple[Any, ...]]:
    with psycopg.connect(machine.dsn) as conn:
        return conn.execute(
            "select device_id, id, body->>'key', (body->>'hold')::int from message where kind = 'press'"
        ).fetchall()


def _reference(machine: Machine, load: Load, backlog: int) -> int:
    """Rows a second of the bare pipe with as many heartbeats as there were."""
    machine.sizes = Sizes(max(backlog, 1), load.devices, load.seed)
    subprocess.run([*machine.subscribe(), "-E"], check=True)
    publish_all(machine, PIPE_BOOT)
    count = messages_of(machine.sizes)
    copy = shlex.join([str(machine.server.program("psql")), "-q", machine.dsn, "-c", "copy bare from stdin"])
    begun = time.monotonic()
    subprocess.run(["sh", "-c", f"{shlex.join(machine.subscribe())} -C {count} | {copy}"], check=True)
    return round(count / (time.monotonic() - begun))


def _settings(machine: Machine, load: Load) -> dict[str, Any]:
    with psycopg.connect(machine.dsn) as conn:
        found: dict[str, Any] = dict(
            conn.execute("select name, current_setting(name) from pg_settings where name = any(%s)", [list(SETTINGS)])
        )
    unacked = {"heartbeats": BEATS_UNACKED_MAX, "messages": MESSAGES_UNACKED_MAX}
    ours = {"batch_max": BATCH_MAX, "unacked": unacked, "workers": 1}
    made = {"rate": load.rate, "presses_per_s": load.presses, "devices": load.devices, "seed": load.seed}
    here = {"python": platform.python_version(), "cpus": os.cpu_count()}
    return {**found, "broker": BROKER_SETTINGS, **ours, **made, **here}
