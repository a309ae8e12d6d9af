"""A reading of a platform over real HTTP: whole, on its bad days, and from somebody who is not the platform."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cloud.carrier import client as reading
from cloud.carrier.client import Client
from tests.cloud.carrier.platform import NOW, TOKEN, Platform, card, certificates, iccid, pool

if TYPE_CHECKING:
    from pathlib import Path

    from cloud.carrier.models import Told


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A platform on this machine with three cards."""
    with Platform() as running:
        yield running


async def read(platform: Platform, *, token: str = TOKEN, **options: Any) -> tuple[Told, list[float]]:
    """What was told, and the waits between tries."""
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    async with Client(platform.url, token, clock=lambda: NOW, pause=pause, **options) as client:
        return await client.read(), waits


async def test_all_pages_of_cards_and_all_pools_are_read(platform: Platform) -> None:
    """And nothing is asked that could change anything."""
    platform.page = 2
    told, waits = await read(platform)
    assert (told.fault, waits, told.told_at) == (None, [], NOW)
    assert sorted(told.cards) == sorted(iccid(n) for n in range(3))
    assert set(told.pools) == {"district"}
    assert not +told.skipped
    assert platform.methods == {"GET"}


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, "cut", "half", "html"])
async def test_what_passes_is_tried_again(platform: Platform, fault: int | str) -> None:
    """With waits that grow, and no page is lost or taken twice."""
    platform.page = 1
    platform.faults_on["/v1/cards"].extend([None, fault, fault])
    told, waits = await read(platform)
    assert (told.fault, len(told.cards), waits) == (None, 3, [1.0, 3.0])


async def test_an_answer_that_does_not_come_is_given_up(platform: Platform) -> None:
    """What was read before it counts."""
    platform.page = 1
    platform.faults_on["/v1/cards"].extend([None, *["slow"] * reading.TRIES])
    told, waits = await read(platform, answer_s=0.1)
    assert (told.fault, sorted(told.cards), waits) == ("slow", [iccid(0)], list(reading.WAITS_S))


async def test_the_whole_reading_has_an_end(platform: Platform) -> None:
    """However patient a platform makes us with each of its answers."""
    platform.faults.extend(["slow"])
    told, _ = await read(platform, total_s=0.2)
    assert (told.fault, told.cards) == ("out_of_time", {})


@pytest.mark.parametrize(
    ("asked", "waited"), [("7", 7.0), ("0", 0.0), ("Tue, 31 Mar 2026 04:00:09 GMT", 9.0), ("soon", 1.0), ("-5", 1.0)]
)
async def test_the_platform_says_how_long_to_wait(platform: Platform, asked: str, waited: float) -> None:
    """A number or a date; anything else is not understood, and our own time counts."""
    platform.retry_after = asked
    platform.faults.append(429)
    told, waits = await read(platform)
    assert (told.fault, waits) == (None, [waited])


async def test_who_asks_us_to_wait_too_long_is_left_alone_until_the_next_hour(platform: Platform) -> None:
    platform.retry_after = "3600"
    platform.faults.append(429)
    told, waits = await read(platform)
    assert (told.fault, waits, len(platform.asked)) == ("http_429", [], 1)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 301])
async def test_a_refusal_is_not_tried_again(platform: Platform, status: int) -> None:
    """Trying on would lock the account; a redirection would carry the token elsewhere."""
    platform.faults.append(status)
    told, waits = await read(platform)
    assert (told.fault, waits) == ("refused_403" if status == 403 else f"http_{status}", [])


async def test_a_wrong_token_is_refused_once(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    """And stands in no log."""
    with caplog.at_level("DEBUG"):
        told, waits = await read(platform, token="another-secret")
    assert (told.fault, waits, len(platform.asked)) == ("refused_401", [], 1)
    assert "another-secret" not in caplog.text


async def test_pages_that_go_in_a_circle_end(platform: Platform) -> None:
    platform.loops = True
    told, _ = await read(platform)
    assert (told.fault, len(told.cards)) == ("cursor_loop", 3)
    assert len(platform.asked) < 5


@pytest.mark.parametrize(
    ("fault", "said"), [("list", "contract: form"), ("huge", "page_too_large"), ("deep", "not_json")]
)
async def test_an_answer_of_another_form_breaks_off(platform: Platform, fault: str, said: str) -> None:
    platform.faults_on["/v1/cards"].extend([fault] * reading.TRIES)
    told, _ = await read(platform)
    assert (told.fault, told.cards, set(told.pools)) == (said, {}, {"district"})


async def test_the_same_card_on_two_pages_counts_once_and_is_counted(platform: Platform) -> None:
    """The entry that changed last wins, whichever page it stands on."""
    newer = card(0, status="stopped", updated_at="2026-03-30T00:00:00Z")
    platform.page = 1
    for cards in ([newer, card(1), card(0)], [card(0), card(1), newer]):
        platform.cards = cards
        told, _ = await read(platform)
        assert (told.fault, told.skipped["twice"], told.cards[iccid(0)].status) == (None, 1, "stopped")


async def test_one_card_is_asked_for_by_itself(platform: Platform) -> None:
    platform.cards = [card(7, status="stopped")]
    async with Client(platform.url, TOKEN, clock=lambda: NOW) as client:
        found = await client.card(iccid(7))
        assert found is not None
        assert found.status == "stopped"
        assert await client.card(iccid(8)) is None


async def test_over_tls_with_an_authority_of_their_own(tmp_path: Path) -> None:
    """Its certificate and name are checked."""
    roots, chain, key = certificates(tmp_path)
    with Platform((chain, key)) as platform:
        platform.pools = [pool(), pool(name="other")]
        told, _ = await read(platform, tls=ssl.create_default_context(cafile=str(roots)))
        assert (told.fault, len(told.cards), len(told.pools)) == (None, 3, 2)


@pytest.mark.parametrize("how", ["expired", "another host", "another authority"])
async def test_who_is_not_the_platform_gets_no_token(tmp_path: Path, how: str) -> None:
    """The connection ends before a request is sent."""
    host = "elsewhere.example.org" if how == "another host" else "127.0.0.1"
    roots, chain, key = certificates(tmp_path, expired=how == "expired", host=host)
    context = ssl.create_default_context(cafile=None if how == "another authority" else str(roots))
    with Platform((chain, key)) as platform:
        told, _ = await read(platform, tls=context)
        assert (told.fault, platform.asked) == ("certificate", [])
