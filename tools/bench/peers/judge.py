"""Runs the peers of a bench: through the first backlog for their speed, through the second with a kill -9 in between.

In: peers, the bench's machine, what was written down before it was published. Out: of each its speed, its memory, and
what it lost, doubled or altered, by id and content. A peer that cannot be had or breaks down is told, never left out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tools.bench.ingest import FILTER, KEPT, PATIENCE_S, compare, published
from tools.bench.peers import peer as peers
from tools.bench.peers.peer import AbsentError, FailedError, Place
from tools.embedded import children
from tools.embedded.mosquitto import program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.bench.ingest import Machine, Row
    from tools.bench.peers.peer import Peer

LOOK_S = 0.1  # one look at the size of a table
LOOK_BEFORE_KILL_S = 0.02
SETTLED_S = 2.0  # all is there and nothing more comes: longer than any peer holds a batch back
QUIET_S = 20.0  # nothing more comes though something is missing: longer than any peer takes to start and connect


class Judge:
    """open() before anything is published, timed() after the first backlog, killed() after the second, then found()."""

    def __init__(self, known: Sequence[Peer], cache: Path, quiet_s: float = QUIET_S) -> None:
        self._cache = cache
        self._quiet_s = quiet_s
        self._peers = list(known)
        self._told: dict[str, dict[str, Any]] = {each.name: {"name": each.name} for each in known}

    def open(self, machine: Machine) -> None:
        """Make each ready, and its session known to the broker, so that each gets the same backlog."""
        for each in self._peers:
            told = self._told[each.name]
            try:
                told["version"] = each.prepare(self._cache)
            except AbsentError as error:
                told["absent"] = str(error)
                continue
            told["settings"] = each.settings()
            with psycopg.connect(machine.dsn) as conn:
                conn.execute(peers.table(_table(each), keyed=each.keyed).encode())
            words = f"-h 127.0.0.1 -p {machine.broker.port} -i {each.session} -c -q 1 -t {FILTER} -E"
            subprocess.run([program("mosquitto_sub", "mosquitto-clients"), *words.split()], check=True)

    def timed(self, machine: Machine, sent: set[Row]) -> None:
        """Each through the first backlog, its start included, as with us."""
        self._each(machine, sent, self._timed)

    def killed(self, machine: Machine, sent: set[Row]) -> None:
        """Each through the second backlog, killed at about its half and started again."""
        self._each(machine, sent, self._killed)

    def found(self) -> list[dict[str, Any]]:
        """What came out, in the order of the peers."""
        return list(self._told.values())

    def _each(self, machine: Machine, sent: set[Row], run: Callable[[Peer, Run, set[Row]], dict[str, Any]]) -> None:
        for each in self._peers:
            told = self._told[each.name]
            if not {"absent", "failed"} & set(told):
                try:
                    told |= run(each, Run(each, machine), sent)
                except FailedError as error:
                    told["failed"] = str(error)

    def _timed(self, _: Peer, run: Run, sent: set[Row]) -> dict[str, Any]:
        begun = time.monotonic()
        with run:
            seconds = run.settle(len(sent), self._quiet_s) - begun
            rss_mb = run.rss_mb()
        return {"per_s": round(published(run.machine.sizes) / seconds), "rss_mb": rss_mb, **run.compare(sent)}

    def _killed(self, _: Peer, run: Run, sent: set[Row]) -> dict[str, Any]:
        half = run.rows() + published(run.machine.sizes) // 2
        with run:
            run.wait_for(half, self._quiet_s)
            run.kill()
        if (stored := run.different()) >= len(sent):
            raise FailedError("all was stored before it could be killed")
        with run:
            run.settle(len(sent), self._quiet_s)
        after = run.compare(sent)
        return {"missing_at_kill": len(sent) - stored, "lost_after_kill": after["lost"], "after_kill": after}


class Run:
    """A peer at work on a bench's machine; a process of it while entered."""

    def __init__(self, peer: Peer, machine: Machine) -> None:
        folder = machine.folder / peer.session
        folder.mkdir(exist_ok=True)
        self.machine = machine
        self._place = Place(folder, machine.dsn, machine.broker.port, _table(peer))
        self._words = peer.command(self._place)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log"

    def __enter__(self) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(self._place.folder)}
        with self._log.open("ab") as log:
            self._process = children.start(self._words, env=env, cwd=self._place.folder, stdout=log, stderr=log)

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            children.stop(self._process)
            self._process = None

    def kill(self) -> None:
        """As kill -9."""
        children.stop(self._alive(), signal.SIGKILL)

    def rss_mb(self) -> float:
        """The most memory that it ever had."""
        return children.rss_mb(self._alive())

    def settle(self, wanted: int, quiet_s: float) -> float:
        """Until so many different ones are there and nothing moves, or nothing moves for long: when it last moved.

        Counting rows is work for the server that is measured: what is watched is the size of the table.
        """
        began = moved = time.monotonic()
        counted = False
        size = -1
        while time.monotonic() - began < PATIENCE_S:
            self._alive()
            now = time.monotonic()
            if (there := self._number("select pg_relation_size(%s)", self._place.table)) != size:
                size, moved, counted = there, now, False
            elif now - moved > quiet_s:
                if size == 0:
                    raise FailedError("it stores nothing")
                return moved
            elif now - moved > SETTLED_S and not counted:
                counted = True
                if self.different() >= wanted:
                    return moved
            time.sleep(LOOK_S)
        raise FailedError(f"still at work after {PATIENCE_S:.0f} s, {self.different()} of {wanted} stored")

    def wait_for(self, rows: int, quiet_s: float) -> None:
        """Until so many rows are stored."""
        there, moved = -1, time.monotonic()
        while (now_there := self.rows()) < rows:
            self._alive()
            if now_there != there:
                there, moved = now_there, time.monotonic()
            elif time.monotonic() - moved > quiet_s:
                raise FailedError(f"hangs at {there} rows of {rows}")
            time.sleep(LOOK_BEFORE_KILL_S)

    def rows(self) -> int:
        """How many are stored, doubled ones counted."""
        return self._number(f"select count(*) from {self._place.table}")

    def different(self) -> int:
        """How many are stored, each once."""
        return self._number(f"select count(*) from (select distinct device_id, id from {self._place.table}) one")

    def compare(self, sent: set[Row]) -> dict[str, int]:
        """With what was written down."""
        with psycopg.connect(self._place.dsn) as conn:
            query = f"select device_id, id, {', '.join(KEPT)} from {self._place.table}"
            found = compare(sent, conn.execute(query.encode()).fetchall(), len(sent))
        return {name: found[name] for name in ("lost", "doubled", "altered")}

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise FailedError(f"it ended: {self._log.read_text(errors='replace')[-500:]}")
        return self._process

    def _number(self, query: str, *values: object) -> int:
        with psycopg.connect(self._place.dsn) as conn:
            row = conn.execute(query.encode(), values or None).fetchone()
        return int(row[0]) if row else 0


def _table(peer: Peer) -> str:
    return f"peer_{peer.session}"
