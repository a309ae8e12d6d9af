"""An operator's platform for the tests: a real HTTP or HTTPS server in a thread, with faults on demand.

In: cards and pools as JSON, faults. Out: answers by cloud/carrier/CONTRACT.md, or what a bad day makes of them. Shares
nothing with the product but its certificates' maker.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tools.pki import issue

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
TOKEN = "only-for-tests"
GB = 1 << 30


def iccid(number: int) -> str:
    """An invented card: 89860, then the number, then the check digit."""
    body = f"8986099{number:012d}"
    digits = [int(char) * (2 - place % 2) for place, char in enumerate(reversed(body))]
    return body + str(-sum(value - 9 * (value > 9) for value in digits) % 10)


def card(number: int, **change: Any) -> dict[str, Any]:
    """One well card."""
    return {
        "iccid": iccid(number), "msisdn_last4": None, "status": "activated", "voice_enabled": True,
        "data_used_bytes": 1_000_000, "data_quota_bytes": None, "pool": "district", "expires_on": "2027-12-31",
        "imei_lock": False, "bound_imei": None, "updated_at": "2026-03-01T00:00:00Z", **change,
    }  # fmt: skip


def pool(**change: Any) -> dict[str, Any]:
    """One well pool."""
    return {
        "name": "district", "quota_bytes": 100 * GB, "used_bytes": 10 * GB, "cards": 50_000,
        "cycle_start": "2026-03-01", "cycle_end": "2026-03-31", "cut_off_when_exhausted": True, **change,
    }  # fmt: skip


class Platform:
    """What it has, and what is wrong with it. `faults` are used up one a request: a status, or a word of `_Answer`."""

    def __init__(self, certificates: tuple[Path, Path] | None = None) -> None:
        self.cards: list[Any] = [card(number) for number in range(3)]
        self.pools: list[Any] = [pool()]
        self.as_of = NOW
        self.page = 500
        self.faults: deque[Any] = deque()
        self.faults_on: dict[str, deque[Any]] = {"/v1/cards": deque(), "/v1/pools": deque()}
        self.retry_after: str | None = None
        self.loops = False
        self.asked: list[str] = []
        self.methods: set[str] = set()
        self.ended = threading.Event()
        outer = self

        class Handler(_Answer):
            platform = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificates)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """As agreed."""
        told: dict[str, Any] = {"as_of": self.as_of.isoformat()}
        if path == "/v1/pools":
            return 200, {**told, "pools": self.pools}
        if path == "/v1/cards":
            begin = int(query.get("cursor", ["0"])[0])
            limit = min(self.page, int(query.get("limit", ["500"])[0]))
            end = begin + limit
            more = "0" if self.loops else str(end) if end < len(self.cards) else None
            return 200, {**told, "cards": self.cards[begin:end], "next_cursor": more}
        found = [each for each in self.cards if path == f"/v1/cards/{each['iccid']}"]
        return (200, {**told, **found[0]}) if found else (404, {"type": "about:blank", "title": "no such card"})


class _Answer(BaseHTTPRequestHandler):
    platform: Platform
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, *_: Any) -> None:
        """Silent: a test's output is the test's."""

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True  # the client went away

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def do_POST(self) -> None:
        self.platform.methods.add("POST")
        self._send(405, {"title": "reads only"})

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the server's names

    def do_GET(self) -> None:
        here = self.platform
        here.methods.add("GET")
        parts = urlsplit(self.path)
        here.asked.append(self.path)
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            self._send(401, {"type": "about:blank", "title": "who are you", "status": 401})
            return
        faults = here.faults_on.get(parts.path) or here.faults
        fault = faults.popleft() if faults else None
        if isinstance(fault, int):
            self._send(fault, {"type": "about:blank", "title": "not now", "status": fault})
            return
        status, body = here.answer(parts.path, parse_qs(parts.query))
        if fault is None:
            self._send(status, body)
        elif fault == "slow":
            here.ended.wait()
        else:
            self._spoil(fault, json.dumps(body).encode())

    def _spoil(self, fault: str, raw: bytes) -> None:
        if fault == "cut":
            self._head(200, len(raw))
            self.wfile.write(raw[: len(raw) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        raw = {
            "half": raw[: len(raw) // 2], "html": b"<html>login</html>", "list": b"[]", "deep": b"[" * 100_000,
            "huge": b" " * ((4 << 20) + 1),
        }[fault]  # fmt: skip
        self._head(200, len(raw))
        self.wfile.write(raw)

    def _send(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self._head(status, len(raw))
        self.wfile.write(raw)

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("content-length", str(length))
        if self.platform.retry_after is not None and status in {429, 503}:
            self.send_header("retry-after", self.platform.retry_after)
        self.end_headers()


def certificates(folder: Path, *, expired: bool = False, host: str = "127.0.0.1") -> tuple[Path, Path, Path]:
    """(the roots, a server's chain, its key): an authority of the test's own."""
    made = datetime.now(UTC) - (timedelta(days=40) if expired else timedelta(0))
    root_key, key = issue.new_key(), issue.new_key()
    root = issue.root("test", root_key, made)
    server = issue.server([host], key, root, root_key, now=made, days=30)
    roots, chain, secret = folder / "roots.pem", folder / "server.crt", folder / "server.key"
    roots.write_bytes(root.public_bytes(Encoding.PEM))
    chain.write_bytes(server.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return roots, chain, secret
