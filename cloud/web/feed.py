"""What changed, for every open page: one LISTEN connection per worker in, names of page parts out.

A notification is a hint and never data: the page reads the part again, and reads everything again after any gap,
ours or its own. What waits for one page is a set of names, so no slow browser can make it grow.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from cloud import db

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANNEL = "live"
CASES, DEVICES = "cases", "devices"
PARTS = {"case": CASES, "refused": CASES, "device": DEVICES}
EVERYTHING = frozenset(PARTS.values())

RETRY_S = 1.0  # the database is away: the page says so, and we ask again
PAGES_MAX = 1000  # measured elsewhere: beyond it one worker is slow to tell; more pages need another worker
# Terminals change all the time. A list redrawn more often cannot be read, and reading 50,000 costs the database 70 ms.
DEVICES_EVERY_S = 3.0

log = logging.getLogger(__name__)


class TooManyPages(Exception):  # noqa: N818 - reads as what it is
    """PAGES_MAX pages are open."""


class Page:
    """One open page: which of its parts are stale."""

    def __init__(self) -> None:
        self._stale: set[str] = set(EVERYTHING)
        self._wake = asyncio.Event()
        self._wake.set()
        self._devices_told_at = float("-inf")
        self.closed = False

    def touch(self, parts: frozenset[str]) -> None:
        """These parts have changed."""
        self._stale |= parts
        self._wake.set()

    def close(self) -> None:
        """The server stops."""
        self.closed = True
        self._wake.set()

    async def next(self) -> str | None:
        """The next part to read again, cases before terminals; None when the server stops."""
        while not self.closed:
            if CASES in self._stale:
                self._stale.remove(CASES)
                return CASES
            wait_s = self._until_devices()
            if wait_s == 0:
                self._stale.remove(DEVICES)
                self._devices_told_at = asyncio.get_running_loop().time()
                return DEVICES
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                continue
        return None

    def _until_devices(self) -> float | None:
        """Seconds until the list of terminals may be told again; None: nothing to tell."""
        if DEVICES not in self._stale:
            return None
        return max(self._devices_told_at + DEVICES_EVERY_S - asyncio.get_running_loop().time(), 0)


class Feed:
    """Listens once and tells every page."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pages: set[Page] = set()
        self.connected = False
        self.misread = 0  # notifications that were not ours to understand: taken as "everything changed"

    @property
    def open_pages(self) -> int:
        """Pages whose stream is open."""
        return len(self._pages)

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A page for as long as its stream is open."""
        if len(self._pages) >= PAGES_MAX:
            raise TooManyPages
        page = Page()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)

    def close(self) -> None:
        """End every stream: an open one would hold the stop of the server."""
        for page in self._pages:
            page.close()

    async def run(self) -> None:
        """Listen until cancelled; after every gap all pages read everything again."""
        while True:
            try:
                await self._listen()
            except (OSError, psycopg.Error) as error:
                log.warning("live feed: %s; again in %.0f s", type(error).__name__, RETRY_S)
            finally:
                self.connected = False
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        conn = await db.connect(self._dsn)
        try:
            await conn.execute("listen live")
            self.connected = True
            self._touch(EVERYTHING)
            async for note in conn.notifies():
                self._touch(self._parts(note.payload))
        finally:
            await conn.close()

    def _parts(self, payload: str) -> frozenset[str]:
        try:
            return frozenset({PARTS[json.loads(payload)["what"]]})
        except (ValueError, KeyError, TypeError):
            self.misread += 1
            return EVERYTHING

    def _touch(self, parts: frozenset[str]) -> None:
        for page in self._pages:
            page.touch(parts)
