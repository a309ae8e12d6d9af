"""How a page is drawn: nothing of a person's can become markup, times are Beijing's, missing names are errors."""

from __future__ import annotations

from datetime import UTC, datetime

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.html import render


@given(st.text())
def test_no_text_can_become_markup(text: str) -> None:
    # Pins escaping, through a template that shows a text from outside.
    page = render.render("cases.html", notice=text + "<b>", board=_Empty(), dispositions={}, outcomes={})
    assert "<b>" not in page


def test_a_name_that_was_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render.render("cases.html")


def test_times_are_shown_as_beijing_reads_them() -> None:
    at = datetime(2026, 3, 1, 16, 5, 9, tzinfo=UTC)
    assert render.clock_time(at) == "00:05:09"
    assert render.day_time(at) == "03-02 00:05:09"


def test_a_duration_is_short_and_never_negative() -> None:
    assert [render.duration(seconds) for seconds in (-3, 0, 61, 3599, 3600, 86_399, 90_000)] == [
        "00:00",
        "00:00",
        "01:01",
        "59:59",
        "1小时00分",
        "23小时59分",
        "1天1小时",
    ]


class _Empty:
    refused: tuple[object, ...] = ()
    refused_total = hidden = 0
    cases: tuple[object, ...] = ()
    closed: tuple[object, ...] = ()
    alarms = waiting = attended = 0
    now = datetime(2026, 3, 1, tzinfo=UTC)
