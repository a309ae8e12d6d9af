"""`onekey serve web`: pages and API, on this machine only until people can log in (the settings refuse other hosts)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

import psycopg
import uvicorn
from psycopg_pool import PoolTimeout

from cloud import db
from cloud.run import watch
from cloud.run.process import run
from cloud.settings import SettingsError
from cloud.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cloud.settings import Settings
    from cloud.web.state import Parts

STOP_S = 1  # for answers that are being written; streams are ended at once
RETRY_S = 1.0  # the database is not there yet
BACKLOG = 128  # connections that wait while we are busy

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Says when it is ready, ends open streams first, and leaves signals to `process.run`."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


async def main(settings: Settings, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    await _schema(settings)
    listening = _bind(settings.web_host, settings.web_port)
    app = create_app(settings)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # addresses hold ids of cases
            lifespan="on",
            timeout_graceful_shutdown=STOP_S,
            server_header=False,
            proxy_headers=False,
        ),
        ready,
    )
    log.info("http://%s:%d/live (this machine only: there are no logins yet)", *listening.getsockname()[:2])
    parts: Parts = app.state.parts

    async def check() -> dict[str, list[str]]:
        return {"web": await _wrong(parts)}

    async with watch.beside(settings, "web", [parts.tally], check):
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            parts.feed.close()
            await serving


async def _wrong(parts: Parts) -> list[str]:
    try:
        async with db.transaction(parts.pool) as conn:
            await conn.execute("select 1")
    except (psycopg.Error, PoolTimeout) as error:
        return [f"the database does not answer: {type(error).__name__}"]
    return []


async def _schema(settings: Settings) -> None:
    """Wait for the database, and refuse one that has not been migrated."""
    while True:
        try:
            conn = await db.connect(settings.database_url)
            async with conn:
                await db.check_schema(conn)
            return
        except (OSError, psycopg.Error) as error:
            if not isinstance(error, OSError) and not db.is_outage(error):
                raise
            log.warning("database: %s; again in %.0f s", type(error).__name__, RETRY_S)
            await asyncio.sleep(RETRY_S)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(f"OKC_WEB_HOST, OKC_WEB_PORT: {host}:{port}: {error.strerror}") from None
    listening.setblocking(False)
    return listening


if __name__ == "__main__":
    run(main)
