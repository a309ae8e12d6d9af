"""The site: every page and API mounted, guarded, with one pool and one feed.

In: the settings. Out: an ASGI application for one worker. It opens nothing until its lifespan begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import psycopg
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout

from cloud import clock, db
from cloud.devices import store as devices
from cloud.errors import AppError
from cloud.html.render import STATIC
from cloud.sealed import Box
from cloud.tally import Series, Tally
from cloud.web.desks import api, health, history, live, ops, terminal
from cloud.web.desks import settings as terminal_settings
from cloud.web.feed import Feed
from cloud.web.guard import Guard
from cloud.web.state import Parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloud.settings import Settings

BEAT_S = 5.0
AWAY = "数据库暂时无法连接，请稍候重试。紧急情况请直接使用电话。"

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application. The interactive documentation is off: it loads its parts from outside."""
    pool = db.connect_pool(settings)
    feed = Feed(settings.database_url)
    tally = Tally("web", ("requests", "refused", "errors"), {"request_s": Series()})
    tally.look = lambda: {"pages": float(feed.open_pages)}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            tasks = [asyncio.ensure_future(feed.run()), asyncio.ensure_future(_beat(pool, tally))]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(title="OneKeyCall", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.parts = Parts(pool, Box(settings.data_key_bytes), feed, tally)
    app.include_router(live.router)
    app.include_router(api.router)
    app.include_router(ops.router)
    app.include_router(terminal.router)
    app.include_router(terminal_settings.router)
    app.include_router(history.router)
    app.include_router(health.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(AppError, _refused)
    app.add_exception_handler(PoolTimeout, _away)
    app.add_exception_handler(psycopg.OperationalError, _away)
    app.add_middleware(Guard, host=settings.web_host, tally=tally)

    @app.get("/")
    async def home() -> RedirectResponse:
        """There is one screen so far."""
        return RedirectResponse("/live", 307)

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        """200 while the database answers."""
        async with db.transaction(pool) as conn:
            await conn.execute("select 1")
        return PlainTextResponse("ok")

    return app


async def _beat(pool: db.Pool, tally: Tally) -> None:
    """Say that the pages work, until cancelled. A database that is away is told later."""
    while True:
        with contextlib.suppress(psycopg.Error, PoolTimeout):
            told = tally.untold()
            async with db.transaction(pool) as conn:
                await devices.beat(conn, "web", clock.now(), told, tally.present())
            tally.told(told)
        await asyncio.sleep(BEAT_S)


async def _refused(_: Request, error: Exception) -> PlainTextResponse:
    assert isinstance(error, AppError)  # noqa: S101 - what it is registered for
    return PlainTextResponse(error.message, error.status)


async def _away(_: Request, error: Exception) -> PlainTextResponse:
    log.warning("database: %s", type(error).__name__)
    return PlainTextResponse(AWAY, 503)
