"""Which part of an open page is told to be stale, and when."""

from __future__ import annotations

import asyncio

import pytest

from cloud.web import feed
from cloud.web.feed import CASES, DEVICES, EVERYTHING, Feed, Page, TooManyPages


async def test_a_new_page_reads_everything_once_cases_first() -> None:
    page = Page()
    assert [await page.next(), await page.next()] == [CASES, DEVICES]


async def test_cases_overtake_terminals_and_a_flood_is_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pins that what waits for a page is bounded and that a case never waits behind terminals.
    monkeypatch.setattr(feed, "DEVICES_EVERY_S", 0.01)
    page = Page()
    await page.next()
    await page.next()
    for _ in range(10_000):
        page.touch(EVERYTHING)
    assert [await page.next(), await page.next()] == [CASES, DEVICES]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(page.next(), 0.03)


async def test_terminals_are_told_at_most_once_per_interval_and_never_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Page()
    await page.next()
    await page.next()
    page.touch(frozenset({DEVICES}))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(page.next(), 0.01)
    monkeypatch.setattr(feed, "DEVICES_EVERY_S", 0.0)
    assert await page.next() == DEVICES


async def test_a_closed_page_ends_its_stream() -> None:
    page = Page()
    page.close()
    assert await page.next() is None


async def test_a_word_that_is_not_understood_means_everything_changed_and_is_counted() -> None:
    heard = Feed("unused")
    with heard.page() as page:
        await page.next()
        await page.next()
        for payload in ("", "[]", '{"what":"else"}', "\x00", '{"what":["case"]}'):
            assert heard._parts(payload) == EVERYTHING
        assert heard._parts('{"what":"case","case":"x"}') == {CASES}
    assert heard.misread == 5


async def test_there_is_a_limit_to_open_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PAGES_MAX", 1)
    heard = Feed("unused")
    with heard.page(), pytest.raises(TooManyPages), heard.page():
        pass
    with heard.page():
        pass
