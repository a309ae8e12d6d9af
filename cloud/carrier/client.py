"""Reads the operator's platform over HTTP, page after page. In: address and token. Out: one reading, whole or not.

Reads only: no request here can change a card, dial or send. Everything is bounded: a page, their number, tries, waits,
the whole. A reading that breaks off keeps what it has. Neither token nor address nor a word of an answer is logged.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self

import httpx
import msgspec

from cloud.carrier import parse
from cloud.carrier.models import Told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloud.carrier.models import Card

PAGE = 500  # cards: some 200 kB, a hundred requests for the district
PAGES_MAX = 2_000  # a million cards
PAGE_BYTES_MAX = 4 << 20
CONNECT_S = 10.0
ANSWER_S = 30.0  # between two bytes of an answer
TOTAL_S = 20 * 60.0  # a reading an hour; an operator that is slower is told of as one that is away
TRIES = 5  # of one request
WAITS_S = (1.0, 3.0, 10.0, 30.0)  # between tries, where the platform names no time
WAIT_MAX_S = 300.0  # what a platform may ask for; for longer there is the next hour
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_REFUSED = {401: "refused_401", 403: "refused_403"}  # the token; trying again would lock the account


class Fault(Exception):  # noqa: N818 - one word, stored and counted
    """Why a reading breaks off."""


class _Passing(Exception):  # noqa: N818
    """Worth another try; with what the platform asked us to wait."""

    def __init__(self, fault: str, wait_s: float | None = None) -> None:
        super().__init__(fault)
        self.wait_s = wait_s


class Client:
    """One platform. Opens with `async with`."""

    def __init__(
        self,
        url: str,
        token: str,
        tls: ssl.SSLContext | None = None,
        *,
        clock: Callable[[], datetime],
        answer_s: float = ANSWER_S,
        total_s: float = TOTAL_S,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`tls`: for its certificate; None where the address is on this machine."""
        self._clock, self._pause, self._total_s = clock, pause, total_s
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {token}", "accept": "application/json", "accept-encoding": "identity"},
            verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # without roots: believes nobody
            timeout=httpx.Timeout(answer_s, connect=CONNECT_S),
            follow_redirects=False,  # a token goes to whom it is for
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def read(self) -> Told:
        """All pools and all cards, as far as they could be read. Never raises for what the platform does."""
        told = Told()
        try:
            async with asyncio.timeout(self._total_s):
                await self._pools(told)
                await self._cards(told)
        except TimeoutError:
            told.fault = "out_of_time"
        except (Fault, parse.NotTheContract) as fault:
            told.fault = str(fault) if isinstance(fault, Fault) else f"contract: {fault}"
        return told

    async def card(self, iccid: str) -> Card | None:
        """One card as the platform has it now; None: it has none, or nothing that can be taken. Raises Fault."""
        body = await self._get(f"/v1/cards/{iccid}", {}, missing_allowed=True)
        if not isinstance(body, dict):
            return None
        frame = {"as_of": body.get("as_of"), "next_cursor": None, "cards": [body]}
        try:
            page = parse.cards(frame, self._clock())
        except parse.NotTheContract as fault:
            raise Fault(f"contract: {fault}") from None
        return next(iter(page.cards), None)

    async def _pools(self, told: Told) -> None:
        pools, skipped, told_at = parse.pools(await self._get("/v1/pools", {}), self._clock())
        for pool in pools:
            told.skipped["pool.twice"] += pool.name in told.pools
            told.pools[pool.name] = pool
        told.skipped += skipped
        # Who could not be read is not missing: only a list without a fault proves an absence.
        told.pools_told_at = None if skipped else told_at

    async def _cards(self, told: Told) -> None:
        cursor: str | None = None
        followed: set[str] = set()
        for _ in range(PAGES_MAX):
            query = {"limit": str(PAGE), **({"cursor": cursor} if cursor is not None else {})}
            page = parse.cards(await self._get("/v1/cards", query), self._clock())
            told.skipped += page.skipped
            told.listed |= page.listed
            told.told_at = page.told_at if told.told_at is None else min(told.told_at, page.told_at)
            for card in page.cards:
                known = told.cards.get(card.iccid)
                told.skipped["twice"] += known is not None
                if known is None or (known.told_at, known.changed_at) <= (card.told_at, card.changed_at):
                    told.cards[card.iccid] = card
            cursor = page.next_cursor
            if cursor is None:
                return
            if cursor in followed:
                raise Fault("cursor_loop")
            followed.add(cursor)
        raise Fault("too_many_pages")

    async def _get(self, path: str, query: dict[str, str], *, missing_allowed: bool = False) -> Any:
        """The decoded answer. Raises Fault after the last try."""
        for turn in range(TRIES):
            try:
                return await self._once(path, query, missing_allowed=missing_allowed)
            except _Passing as passing:
                if turn == TRIES - 1 or (passing.wait_s or 0) > WAIT_MAX_S:
                    raise Fault(str(passing)) from None
                await self._pause(WAITS_S[turn] if passing.wait_s is None else passing.wait_s)
        raise AssertionError  # the last turn returns or raises

    async def _once(self, path: str, query: dict[str, str], *, missing_allowed: bool) -> Any:
        try:
            async with self._http.stream("GET", path, params=query) as answer:
                if answer.status_code == 404 and missing_allowed:
                    return None
                if answer.status_code != 200:
                    raise self._told_no(answer)
                raw = bytearray()
                async for part in answer.aiter_raw():
                    raw += part
                    if len(raw) > PAGE_BYTES_MAX:
                        raise Fault("page_too_large")
        except httpx.TimeoutException:
            raise _Passing("slow") from None
        except httpx.HTTPError as error:
            raise _Passing("certificate" if _is_certificate(error) else "unreachable") from None
        try:
            return msgspec.json.decode(bytes(raw))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise _Passing("not_json") from None

    def _told_no(self, answer: httpx.Response) -> Exception:
        status = answer.status_code
        if status in _REFUSED:
            return Fault(_REFUSED[status])
        if status in _AGAIN:
            return _Passing(f"http_{status}", self._wait(answer.headers.get("retry-after")))
        return Fault(f"http_{status}")

    def _wait(self, text: str | None) -> float | None:
        """Retry-After in seconds: a number, or a date."""
        if text is None:
            return None
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        return max((at.replace(tzinfo=at.tzinfo or UTC) - self._clock()).total_seconds(), 0.0)


def _is_certificate(error: BaseException) -> bool:
    """Whether the other side could not prove who it is."""
    seen: BaseException | None = error
    while seen is not None:
        if "CERTIFICATE_VERIFY_FAILED" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
