"""`onekey broker follow`: beside each broker, keeps its password file as the registry is.

In: the registry, through a database user that may read credentials and nothing personal; a NOTIFY when they change.
Out: the file, renamed into place, a SIGHUP, and a row that says by which list this broker works. Mosquitto then ends
the connections of everybody who is no longer in it. A list that lacks too many terminals at once is not believed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from cloud import db
from cloud.devices import followers
from cloud.errors import described
from cloud.run import watch
from tools.broker import files
from tools.broker.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cloud.db import Conn
    from cloud.settings import DatabaseSettings, WatchedSettings
    from tools.broker.figures import Door

log = logging.getLogger(__name__)

LOOK_S = 10.0  # a NOTIFY wakes us; this is for one that was lost
GATHER_S = 0.5  # of a bench's hundreds one after the other: the broker stands still at every list that it reads
QUIET_S = 35.0  # three looks, and a little
BACKOFF_S = 1.0
STARTS_S = 5.0  # of a broker between its first line and its first signal
# A restored, empty or wrong database must not cut off a district. Retiring so many at once is a person's decision.
GONE_MAX, GONE_SHARE = 50, 0.01


@dataclass(frozen=True)
class Applied:
    """What became of a list."""

    count: int
    held_back: int  # terminals that the list lacks; nothing was changed
    reread: bool  # a running broker was told

    @property
    def state(self) -> str:
        """For a person."""
        return "the broker has read them" if self.reread else "the broker reads them when it starts"


def too_many(before: set[str], after: set[str]) -> int:
    """How many would be cut off, if that is more than is believed; else 0."""
    gone = len(before - after)
    return gone if gone > max(GONE_MAX, len(before) * GONE_SHARE) else 0


def apply(folder: Path, rows: Sequence[tuple[str, str]], *, accept_loss: bool = False) -> Applied:
    """Make this the list of the broker in this folder, and have it read."""
    path, text = folder / files.TERMINAL_USERS, files.users(rows)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    before = {line.partition(":")[0] for line in old.splitlines()}
    held_back = 0 if accept_loss else too_many(before, {device_id for device_id, _ in rows})
    if held_back:
        return Applied(len(rows), held_back, reread=False)
    if text != old or not path.exists():
        files.put(path, text, files.PRIVATE)
    return Applied(len(rows), 0, reread=_reread(folder / files.PID))


def _reread(pid_file: Path) -> bool:
    """SIGHUP to the broker; False where none runs: it reads the file when it starts."""
    try:
        process = Path("/proc") / str(int(pid_file.read_text(encoding="ascii")))
        if (process / "comm").read_text(encoding="utf-8").strip() != "mosquitto":
            return False  # what is left of a broker that was killed
        deadline = time.monotonic() + STARTS_S
        while not _minds_hangups(process) and time.monotonic() < deadline:
            time.sleep(0.05)  # it has read the old list and would die of the signal
        os.kill(int(process.name), signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def _minds_hangups(process: Path) -> bool:
    """Whether it has come so far as to handle the signal."""
    caught = (process / "status").read_text(encoding="utf-8").partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1)


class Follower:
    """`run` until cancelled."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._last: list[tuple[str, str]] | None = None  # by which the broker works
        self._looked_at: float | None = None
        self._held_back = 0

    def wrong(self, loop_now: float) -> list[str]:
        """What is not as it should be."""
        found = []
        if self._looked_at is None or loop_now - self._looked_at > QUIET_S:
            found.append("the registry was not read lately")
        if self._held_back:
            found.append(f"{self._held_back} terminals are missing from the registry: not believed")
        return found

    async def run(self, settings: DatabaseSettings, ready: Callable[[], None]) -> None:
        """Follow, and begin anew whenever the database is away; the broker then goes on by its last list."""
        told = False
        while True:
            try:
                async with await db.connect(settings.database_url) as conn:
                    await conn.execute(f"listen {followers.CHANNEL}".encode())
                    while True:
                        await self._look(conn)
                        if not told:
                            told = True
                            ready()
                        async for _ in conn.notifies(timeout=LOOK_S, stop_after=1):
                            await asyncio.sleep(GATHER_S)
            except (psycopg.Error, OSError) as error:
                log.warning("begins anew: %s", described(error))
            await asyncio.sleep(BACKOFF_S)

    async def _look(self, conn: Conn) -> None:
        read_at = await followers.time(conn)
        rows = await followers.credentials(conn)
        held_back = 0
        if rows != self._last:
            done = apply(self._folder, rows)
            held_back = done.held_back
            if held_back:
                log.error("%d terminals are missing from the registry: not believed", held_back)
            else:
                self._last = rows
                log.info("%d credentials, reread %s", done.count, done.reread)
        await followers.works_by(conn, self._name, read_at, len(rows), held_back)
        self._looked_at, self._held_back = asyncio.get_running_loop().time(), held_back


def service(folder: Path, name: str, door: Door) -> Callable[[WatchedSettings, Callable[[], None]], Awaitable[None]]:
    """What `process.run` runs: who follows, and beside it the broker's own figures."""
    follower, figures = Follower(folder, name), Figures()

    async def check() -> dict[str, list[str]]:
        now = asyncio.get_running_loop().time()
        return {"follow": follower.wrong(now), "broker": figures.wrong(now)}

    async def follow(settings: WatchedSettings, ready: Callable[[], None]) -> None:
        async with watch.beside(settings, "broker", [figures.tally], check):
            listening = asyncio.ensure_future(figures.run(folder, door))
            try:
                await follower.run(settings, ready)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    return follow
