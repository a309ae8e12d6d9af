"""`onekey bench ingest`: a backlog of heartbeats through the real broker, process and database, beside a bare pipe.

In: how many heartbeats, of how many terminals. Out: committed rows a second of `onekey serve ingest`, and of
`mosquitto_sub | psql copy` into a table without an index, fed with the same backlog by the same broker into the same
server. Every heartbeat is written to a file before it is published, and compared with what is stored, id and content:
after the run, and after a second one in which ingest is killed with work in flight.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud import clock, db
from cloud.ingest import weeks
from cloud.ingest.beats import BATCH_MAX, CLIENT_ID
from protocol import messages
from tools.embedded import children
from tools.embedded.mosquitto import SETTINGS as BROKER_SETTINGS
from tools.embedded.mosquitto import Mosquitto, program
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paho.mqtt.client import MQTTMessageInfo

    Tell = Callable[[str, float], None]
    Row = tuple[Any, ...]  # device, id, then the figures of KEPT

ROOT = Path(__file__).resolve().parents[2]
KEY = "5e" * 32
RSS_LIMIT_MB = 300
RATIO_WANTED = 0.5  # of the bare pipe, for a store that also removes duplicates, keeps the state and counts the day
AGAIN_SHARE = 20  # one in so many is sent twice, as a terminal does that missed the acknowledgement
UNDER_WAY_MAX = 5_000  # published and not yet taken by the broker; there are 65,535 packet ids
RAW_DAYS = 90
PIPE = "pipe"
FILTER = "okc/v1/up/hb/+"
SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
LOOK_S = 0.1  # one look into an index
PATIENCE_S = 600.0  # then it is said that it hangs
# Figures of a heartbeat that are drawn, and the columns where they must stand.
KEPT = {"bat": "battery_mv", "pct": "battery_pct", "csq": "csq", "temp": "temperature_c", "heap": "heap_bytes",
        "rtt": "rtt_ms", "box": "outbox"}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Of one run."""

    beats: int
    devices: int
    seed: int


class Machine:
    """A broker, a server, a registry with terminals; all gone afterwards."""

    def __init__(self, folder: Path, server: Postgres, broker: Mosquitto, sizes: Sizes) -> None:
        self.folder = folder
        self.server = server
        self.broker = broker
        self.sizes = sizes
        self.dsn = server.create_database("okc_bench")
        db.migrate(self.dsn, timescale=server.timescale)
        asyncio.run(_make_weeks(self.dsn))
        with psycopg.connect(self.dsn) as conn:
            conn.execute(
                "insert into device (device_id, status, created_at)"
                " select 'BJ' || lpad(n::text, 8, '0'), 'installed', now() from generate_series(0, %s - 1) n",
                [sizes.devices],
            )
            conn.execute("create table bare (line text)")

    def ingest(self, name: str = "ingest", **more: str) -> Ingest:
        """A process of it, ready."""
        return Ingest(self, name, more)

    def open_sessions(self) -> None:
        """Make both sessions known to the broker, so that each gets the same backlog."""
        subprocess.run([*self.subscribe(), "-E"], check=True)
        self.ingest().stop()

    def subscribe(self) -> list[str]:
        """The reference's reader."""
        words = f"-h 127.0.0.1 -p {self.broker.port} -i {PIPE} -c -q 1 -t {FILTER}"
        return [program("mosquitto_sub", "mosquitto-clients"), *words.split()]


class Ingest:
    """`onekey serve ingest`, or another of our processes, as its users start it."""

    def __init__(self, machine: Machine, name: str, more: dict[str, str]) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "OKC_DATABASE_URL": machine.dsn,
            "OKC_BROKER_PORT": str(machine.broker.port),
            "OKC_BROKER_USER": "cloud",
            "OKC_BROKER_PASSWORD": "unused",
            "OKC_DATA_KEY": KEY,
            "OKC_HOTLINE_NUMBER": "01055500009",
            "OKC_METRICS_PORT": "0",  # other processes of ours may run on this machine
            **more,
        }
        words = [sys.executable, "-m", "tools", "serve", name]
        with (machine.folder / f"{name}.log").open("ab") as log:
            self._process = children.start(words, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        said = self._process.stdout
        if said is None or b"ready" not in said.readline():
            raise RuntimeError(f"{name} did not start: {(machine.folder / f'{name}.log').read_text()[-500:]}")

    def rss_mb(self) -> float:
        """The most memory that it ever had."""
        return children.rss_mb(self._process)

    def kill(self) -> None:
        """As kill -9."""
        children.stop(self._process, signal.SIGKILL)
        self._close()

    def stop(self) -> None:
        """As asked to end."""
        children.stop(self._process)
        self._close()

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()


class Others(Protocol):
    """Programs beside us that are given the same messages."""

    def open(self, machine: Machine) -> None:
        """Before anything is published."""

    def timed(self, machine: Machine, sent: set[Row]) -> None:
        """After the first backlog."""

    def killed(self, machine: Machine, sent: set[Row]) -> None:
        """After the second; `sent` is both."""

    def found(self) -> list[dict[str, Any]]:
        """Of each what came out."""


def figures(sizes: Sizes, tell: Tell, programs: Path | None = None, others: Others | None = None) -> dict[str, Any]:
    """Everything once; `programs`: the `bin` of a PostgreSQL that is installed, for its TimescaleDB."""
    # Two: as root the server runs as nobody, who must not read what lies in the other.
    folder, beside = Path(tempfile.mkdtemp(prefix="okcingest")), Path(tempfile.mkdtemp(prefix="okcpg"))
    server, broker = Postgres(beside, durable=True, programs=programs), Mosquitto(folder)
    try:
        server.start()
        broker.start()
        machine = Machine(folder, server, broker, sizes)
        machine.open_sessions()
        if others is not None:
            others.open(machine)
        tell("ingest", 0.1)
        sent = publish(machine, 1)
        tell("ingest", 0.3)
        pipe = _pipe(machine)
        tell("ingest", 0.4)
        ours, rss_mb = _ours(machine, len(sent))
        found = compare(sent, stored(machine), counted_days(machine))
        if others is not None:
            others.timed(machine, sent)
        tell("ingest", 0.6)
        sent |= publish(machine, 2)
        _killed(machine, len(sent))
        after = compare(sent, stored(machine), counted_days(machine))
        if others is not None:
            others.killed(machine, sent)
        tell("ingest", 1.0)
        return {
            "database": "timescaledb" if server.timescale else "plain",
            "committed_per_s": round(ours),
            "pipe_per_s": round(pipe),
            "ratio": round(ours / pipe, 2),
            **found,
            "rss_mb": rss_mb,
            "after_kill": after,
            "ratio_wanted": RATIO_WANTED,
            "rss_limit_mb": RSS_LIMIT_MB,
            "met": ours / pipe >= RATIO_WANTED
            and rss_mb <= RSS_LIMIT_MB
            and not any((*found.values(), *after.values())),
            "peers": others.found() if others is not None else [],
            "settings": _settings(machine),
        }
    finally:
        broker.stop()
        server.stop()
        for each in (folder, beside):
            shutil.rmtree(each, ignore_errors=True)


async def _make_weeks(dsn: str) -> None:
    """What the sweep does in its first turn."""
    async with await db.connect(dsn) as conn:
        await weeks.keep(conn, clock.now(), timedelta(days=RAW_DAYS))


def beats(sizes: Sizes, boot: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(terminal, fields) of every heartbeat of a run, in the order of their sending."""
    draw = random.Random(sizes.seed * 1000 + boot)
    now = int(time.time())
    for number in range(sizes.beats):
        device_id, message_id = _name(sizes, boot, number)
        yield device_id, {
            "id": message_id, "t": now, "u": 60_000, "s": 60_000,
            "bat": draw.randint(3500, 4200), "pct": draw.randint(20, 100), "mains": 1, "csq": draw.randint(5, 31),
            "reg": 1, "net": "gsm", "cell": "1a2b-3c4d", "temp": draw.randint(-5, 45),
            "heap": draw.randint(30_000, 60_000), "box": draw.randint(0, 5), "drops": 0, "call": 0, "cfg": 3,
            "rtt": draw.randint(300, 2_000), "test": 0, "missed": 0,
        }  # fmt: skip


def publish(machine: Machine, boot: int) -> set[Row]:
    """Write down and publish all of a run; returns what was written down when the broker has all of it."""
    path = machine.folder / f"sent{boot}.jsonl"
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench", protocol=MQTTProtocolVersion.MQTTv311)
    client.max_inflight_messages_set(1_000)
    client.connect("127.0.0.1", machine.broker.port)
    client.loop_start()
    under_way: deque[MQTTMessageInfo] = deque()
    with path.open("w", encoding="ascii") as file:
        for number, (device_id, fields) in enumerate(beats(machine.sizes, boot)):
            file.write(json.dumps([device_id, fields["id"], *(fields[name] for name in KEPT)]) + "\n")
            file.flush()
            payload = messages.encode("up", "hb", fields)
            for _ in range(2 if number % AGAIN_SHARE == 0 else 1):
                under_way.append(client.publish(f"okc/v1/up/hb/{device_id}", payload, qos=1))
            while len(under_way) > UNDER_WAY_MAX:
                under_way.popleft().wait_for_publish(PATIENCE_S)
        for each in under_way:
            each.wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    return {tuple(json.loads(line)) for line in path.read_text(encoding="ascii").splitlines()}


def published(sizes: Sizes) -> int:
    """Messages of one run, those that are sent twice counted twice."""
    return sizes.beats + -(-sizes.beats // AGAIN_SHARE)


def stored(machine: Machine) -> list[Row]:
    """What stands in the table."""
    with psycopg.connect(machine.dsn) as conn:
        columns = ", ".join(KEPT.values())
        return conn.execute(f"select device_id, id, {columns} from heartbeat".encode()).fetchall()


def counted_days(machine: Machine) -> int:
    """Heartbeats by the usage days, which the bill is made of."""
    return _number(machine, "select coalesce(sum(beats), 0) from device_day")


def compare(sent: set[Row], rows: list[Row], in_days: int) -> dict[str, int]:
    """Lost, doubled, of another content, and days that count wrong; by id and content."""
    ids = Counter((row[0], row[1]) for row in rows)
    wanted = {(row[0], row[1]) for row in sent}
    return {
        "lost": len(wanted - set(ids)),
        "doubled": sum(times - 1 for times in ids.values()),
        "altered": sum(tuple(row) not in sent for row in rows),
        "miscounted": abs(in_days - len(sent)),
    }


def _pipe(machine: Machine) -> float:
    """Rows a second of the reference."""
    count = published(machine.sizes)
    copy = shlex.join([str(machine.server.program("psql")), "-q", machine.dsn, "-c", "copy bare from stdin"])
    begun = time.monotonic()
    subprocess.run(["sh", "-c", f"{shlex.join(machine.subscribe())} -C {count} | {copy}"], check=True)
    seconds = time.monotonic() - begun
    if (found := _number(machine, "select count(*) from bare")) != count:
        raise RuntimeError(f"the reference stored {found} of {count}")
    return count / seconds


def _ours(machine: Machine, wanted: int) -> tuple[float, float]:
    """Messages a second, the start of the process included, as with the reference; and its memory."""
    begun = time.monotonic()
    ingest = machine.ingest()
    _wait(machine, wanted, *_last(machine.sizes, 1))
    seconds = time.monotonic() - begun
    rss_mb = ingest.rss_mb()
    ingest.stop()
    return published(machine.sizes) / seconds, rss_mb


def _killed(machine: Machine, wanted: int) -> None:
    """The second half of the rows: killed with work in flight, started again."""
    ingest = machine.ingest()
    half = Sizes(machine.sizes.beats - machine.sizes.beats // 2, machine.sizes.devices, machine.sizes.seed)
    _wait(machine, wanted - machine.sizes.beats // 2, *_last(half, 2))
    ingest.kill()
    ingest = machine.ingest()
    _wait(machine, wanted, *_last(machine.sizes, 2))
    ingest.stop()


def _last(sizes: Sizes, boot: int) -> tuple[str, str]:
    """Terminal and id of the last heartbeat of a run."""
    return _name(sizes, boot, sizes.beats - 1)


def _name(sizes: Sizes, boot: int, number: int) -> tuple[str, str]:
    return f"BJ{number % sizes.devices:08d}", f"0badcafe.{boot}.{number // sizes.devices + 1}"


def _wait(machine: Machine, wanted: int, device_id: str, last_id: str) -> None:
    """Until so many are stored. Raises RuntimeError where nothing moves any more.

    Counting all rows is work for the server that is measured: first the one row that comes last is waited for.
    """
    query = "select count(*) from heartbeat where device_id = %s and id = %s"
    began = time.monotonic()
    with psycopg.connect(machine.dsn, autocommit=True) as conn:
        while conn.execute(query, [device_id, last_id]).fetchone() == (0,):
            if time.monotonic() - began > PATIENCE_S:
                raise RuntimeError(f"ingest hangs at {_stored(machine)} of {wanted}")
            time.sleep(LOOK_S)
    while (there := _stored(machine)) < wanted:
        if time.monotonic() - began > PATIENCE_S:
            raise RuntimeError(f"ingest hangs at {there} of {wanted}")
        time.sleep(LOOK_S)


def _stored(machine: Machine) -> int:
    return _number(machine, "select count(*) from heartbeat")


def _number(machine: Machine, query: str) -> int:
    with psycopg.connect(machine.dsn) as conn:
        row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _settings(machine: Machine) -> dict[str, Any]:
    with psycopg.connect(machine.dsn) as conn:
        found: dict[str, Any] = dict(
            conn.execute("select name, current_setting(name) from pg_settings where name = any(%s)", [list(SETTINGS)])
        )
    ours = {"batch_max": BATCH_MAX, "session": CLIENT_ID, "workers": 1}
    sizes = {"beats": machine.sizes.beats, "devices": machine.sizes.devices, "sent_twice": f"1 in {AGAIN_SHARE}"}
    return {
        **found,
        "broker": BROKER_SETTINGS,
        **ours,
        **sizes,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
