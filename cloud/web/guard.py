"""What every request must be and every answer carries. Pure ASGI, so that streams pass through untouched.

The pages have no login yet, so the browser of this machine is the fence: a foreign name for this address (DNS
rebinding) and a request that another site makes are refused before any page sees them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloud.errors import described

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cloud.tally import Tally

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})

BROKEN = "页面出错，请稍候重试。紧急情况请直接使用电话。"

log = logging.getLogger(__name__)

HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not no-referrer: with that a browser says `Origin: null` for our own forms.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
STORE_NOTHING = b"no-store"  # pages hold personal data
ASK_AGAIN = b"no-cache"  # style and script: an update must show at once


def refusal(method: str, headers: dict[str, str], names: frozenset[str]) -> str | None:
    """Why a request is refused, or None. Header names are in small letters."""
    host = headers.get("host", "")
    if _hostname("//" + host) not in names:
        return "此页面只能通过本机地址访问"
    if method in SAFE_METHODS:
        return None
    site = headers.get("sec-fetch-site")
    if site is not None:
        return None if site in OWN_SITE else "拒绝跨站请求"
    origin = headers.get("origin")
    # Neither header: no browser. A program on this machine can read the database anyway.
    return None if origin is None or urlsplit(origin).netloc == host else "拒绝跨站请求"


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, host: str, tally: Tally) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES | {host}
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reason = refusal(scope["method"], given, self._names)
        static = scope["path"].startswith("/static/")

        self._tally.counts["requests"] += 1
        loop, begun = asyncio.get_running_loop(), False
        asked_at = loop.time()

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._count(message["status"], scope["path"], loop.time() - asked_at)
                headers = [pair for pair in message.get("headers", []) if pair[0].lower() not in HEADERS]
                headers += HEADERS.items()
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", ASK_AGAIN if static else STORE_NOTHING))
                message["headers"] = headers
            await send(message)

        if reason is not None:
            await _answer(403, reason, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:  # noqa: BLE001 - its text may quote a row: it must not reach the server's log
            log.error("request broke: %s", described(error))  # noqa: TRY400
            if not begun:
                await _answer(500, BROKEN, with_headers)

    def _count(self, status: int, path: str, seconds: float) -> None:
        """By the first word of the answer: a stream has no end to wait for."""
        if status >= 500:
            self._tally.counts["errors"] += 1
        elif status >= 400:
            self._tally.counts["refused"] += 1
        if not path.startswith("/static/"):
            self._tally.series["request_s"].add(seconds)


async def _answer(status: int, text: str, send: Send) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
