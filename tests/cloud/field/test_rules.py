"""What may enter a home, which press is a test, what a picture is: without services."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.field import rules
from cloud.field.models import Press, Terminal
from tests.cloud.field.world import JPEG, NOW, PNG, TODAY, job

GOOD = Terminal(
    device_id="OKC000001", status="stock", revoked=False, home_id=None, installed_on=None, left_on=None, left_at=None,
    tested=True, passed_at=NOW - timedelta(days=1), trial=False,
)  # fmt: skip
HOME = uuid.uuid4()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"status": "retired"}, "retired"),
        ({"revoked": True}, "retired"),
        ({"status": "reserved"}, "reserved"),
        ({"status": "installed", "home_id": HOME}, "in_a_home"),
        ({"status": "paused", "home_id": HOME}, "in_a_home"),
        ({"tested": False, "passed_at": None}, "never_tested"),
        ({"passed_at": None}, "test_failed"),
        ({"left_at": NOW, "left_on": TODAY}, "test_again"),
        ({"trial": True}, "trial_image"),
        ({"left_on": TODAY + timedelta(days=2)}, "still_elsewhere"),
        # Swapped out today: it is in the other home to the end of the day, and may serve a new one all the same.
        ({"left_on": TODAY + timedelta(days=1)}, None),
    ],
)
def test_only_a_tested_terminal_in_stock_enters_a_home(change: dict[str, Any], code: str | None) -> None:
    """Each conflict has a code of its own."""
    assert rules.may_enter(replace(GOOD, **change), TODAY, without_acceptance=False) == code


def test_a_written_reason_stands_for_the_test_and_for_nothing_else() -> None:
    """Retired, reserved or in another home stays refused."""
    untested = replace(GOOD, tested=False, passed_at=None)
    assert rules.may_enter(untested, TODAY, without_acceptance=True) is None
    for change in ({"status": "retired"}, {"status": "reserved"}, {"revoked": True}, {"home_id": HOME}):
        assert rules.may_enter(replace(untested, **change), TODAY, without_acceptance=True) is not None
    assert rules.may_enter(None, TODAY, without_acceptance=True) == "unknown_device"


def test_a_press_counts_only_if_it_was_made_after_the_job_began() -> None:
    """One from the bench that arrives late, and one that nobody can date, prove nothing."""
    late = Press("a", NOW - timedelta(hours=3), NOW + timedelta(minutes=1))
    undated = Press("b", None, NOW + timedelta(minutes=1))
    good = Press("c", NOW + timedelta(minutes=2), NOW + timedelta(minutes=2))
    assert rules.test_press([late, undated], NOW) is None
    assert rules.test_press([late, undated, good], NOW) == good
    assert rules.test_press([replace(good, happened_at=NOW - rules.CLOCK_SKEW)], NOW) is not None


@given(st.integers(0, len(JPEG) - 1))
def test_a_picture_that_was_cut_is_none(length: int) -> None:
    """A transfer that broke off leaves no evidence."""
    assert rules.picture_media(JPEG) == "image/jpeg"
    assert rules.picture_media(PNG) == "image/png"
    assert rules.picture_media(JPEG[:length]) is None
    assert rules.picture_media(PNG[:length]) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.7" + bytes(200), b"<svg xmlns='...'>" + bytes(200), JPEG[:4] + bytes(8_000_000) + JPEG[-2:]],
    ids=["empty", "pdf", "svg", "large"],
)
def test_what_is_no_picture_or_too_large_is_refused(content: bytes) -> None:
    """JPEG and PNG only, at most 8 MB."""
    assert rules.picture_media(content) is None


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_swap_keeps_both_in_the_home_for_one_day_and_a_removal_none(on: date) -> None:
    """The day rule then pays one of the two."""
    assert rules.removed_on("swap", on) - on == timedelta(days=1)
    assert rules.removed_on("remove", on) == on


def test_a_visit_is_today_or_a_little_while_ago() -> None:
    """A wrong year is not an installation."""
    assert rules.possible_day(TODAY, TODAY) is None
    assert rules.possible_day(TODAY + timedelta(days=1), TODAY) == "day_ahead"
    assert rules.possible_day(TODAY - timedelta(days=31), TODAY) is None
    assert rules.possible_day(TODAY - timedelta(days=32), TODAY) == "day_too_old"


def test_the_hash_of_a_job_tells_any_two_jobs_apart() -> None:
    """The same id with another home, day or terminal is another job."""
    first = job(home_id=HOME)
    assert rules.job_hash(first) == rules.job_hash(replace(first))
    for change in (
        {"home_id": uuid.uuid4()}, {"on": TODAY - timedelta(days=1)}, {"device_id": "OKC000009"},
        {"without_acceptance": "urgent"}, {"begun_at": datetime(2026, 3, 10, 5, 59, tzinfo=UTC)},
    ):  # fmt: skip
        assert rules.job_hash(first) != rules.job_hash(replace(first, **change))


def test_a_configuration_keeps_the_terminals_settings_and_takes_the_homes() -> None:
    """Volume and names go with the people, server and intervals with the terminal."""
    own = {"ver": 3, "hb": 300, "plan": {"sos": []}, "srv": "b.example:8883", "who": "旧户", "allow": ["1"], "v": None}
    made = rules.config_fields(own, {"who": "新户", "vol": 90, "srv": "ignored"}, {"k1": []}, 4, 600)
    assert made == {"ver": 4, "hb": 300, "plan": {"k1": []}, "srv": "b.example:8883", "who": "新户", "vol": 90}
    assert "who" not in rules.config_fields(own, {}, {}, 4, 600)
