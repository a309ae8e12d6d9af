"""The contract, entry by entry: what is taken, what is skipped and counted, what is never an answer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.carrier import parse
from tests.cloud.carrier.platform import NOW, card, iccid, pool


def page(*cards: Any, **frame: Any) -> dict[str, Any]:
    return {"as_of": NOW.isoformat(), "next_cursor": None, "cards": list(cards), **frame}


def test_a_card_means_what_the_contract_says() -> None:
    """A modem that the card is not locked to is no lock."""
    found = parse.cards(page(card(1, bound_imei="1" * 15), card(2, imei_lock=True, bound_imei="1" * 15)), NOW)
    free, locked = found.cards
    assert (free.bound_imei, locked.bound_imei) == (None, "1" * 15)
    assert (free.iccid, free.pool, free.expires_on) == (iccid(1), "district", date(2027, 12, 31))
    assert found.listed == {iccid(1), iccid(2)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iccid", 898600), ("iccid", iccid(1)[:-1]), ("iccid", "8" * 19), ("status", "gone"), ("status", None),
        ("voice_enabled", "yes"), ("voice_enabled", 1), ("data_used_bytes", -1), ("data_used_bytes", "12"),
        ("data_used_bytes", True), ("data_used_bytes", 1 << 60), ("data_used_bytes", 1.5), ("pool", ""),
        ("pool", "x" * 41), ("pool", "a\x00b"), ("pool", "a\ud800"), ("expires_on", "soon"),
        ("expires_on", "0001-01-01"), ("bound_imei", "12"), ("imei_lock", None), ("updated_at", "2026-03-01T00:00:00"),
        ("updated_at", "0001-01-01T00:00:00+14:00"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_skipped_and_counted_by_its_field(field: str, value: Any) -> None:
    """Never by its value; the others of the page are taken."""
    found = parse.cards(page(card(1, **{field: value}), card(2)), NOW)
    assert [each.iccid for each in found.cards] == [iccid(2)]
    assert found.skipped == {field: 1}


@pytest.mark.parametrize("field", ["status", "voice_enabled", "expires_on", "updated_at"])
def test_a_field_that_is_left_out_is_not_the_same_as_null(field: str) -> None:
    """A platform that forgets a field has not said that there is none."""
    entry = {name: value for name, value in card(1).items() if name != field}
    assert parse.cards(page(entry), NOW).skipped == {field: 1}


@pytest.mark.parametrize("entry", [None, 7, [], "card", {}])
def test_an_entry_that_is_no_entry_is_counted(entry: Any) -> None:
    assert parse.cards(page(entry), NOW).skipped == {"iccid": 1}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"cards": None}, "cards"), ({"as_of": None}, "as_of"), ({"as_of": "2026-03-31T04:00:00"}, "as_of"),
        ({"as_of": (NOW + timedelta(minutes=11)).isoformat()}, "as_of lies ahead"), ({"next_cursor": 7}, "next_cursor"),
        ({"next_cursor": ""}, "next_cursor"), ({"next_cursor": "x" * 513}, "next_cursor"),
    ],
)  # fmt: skip
def test_a_page_whose_frame_is_wrong_is_no_answer(frame: dict[str, Any], said: str) -> None:
    with pytest.raises(parse.NotTheContract, match=f"^{said}$"):
        parse.cards(page(card(1), **frame), NOW)


def test_a_clock_that_is_a_little_ahead_tells_of_now() -> None:
    """Nothing that is stored lies in the future."""
    ahead = (NOW + timedelta(minutes=5)).isoformat()
    (found,) = parse.cards(page(card(1, updated_at=ahead), as_of=ahead), NOW).cards
    assert (found.told_at, found.changed_at) == (NOW, NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("quota_bytes", None), ("cards", -1), ("cycle_end", "2026-02-01"), ("cut_off_when_exhausted", 0)],
)
def test_a_bad_pool_is_skipped_and_counted(field: str, value: Any) -> None:
    body = {"as_of": NOW.isoformat(), "pools": [pool(**{field: value}), pool(name="other")]}
    found, skipped, _ = parse.pools(body, NOW)
    assert ([each.name for each in found], skipped) == (["other"], {f"pool.{field}": 1})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(card(1))), json_values), st.dictionaries(st.text(), json_values))
def test_no_entry_whatever_breaks_the_page(change: dict[str, Any], more: dict[str, Any]) -> None:
    """It is taken, or counted; the entry beside it is always taken."""
    found = parse.cards(page({**card(1), **more, **change}, card(2)), NOW)
    assert len(found.cards) + sum(found.skipped.values()) == 2
    assert iccid(2) in {each.iccid for each in found.cards}


@given(json_values)
def test_no_answer_whatever_does_more_than_be_refused(body: Any) -> None:
    for read in (parse.cards, parse.pools):
        try:
            read(body, NOW)
        except parse.NotTheContract:
            continue
