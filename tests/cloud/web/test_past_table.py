"""What a span is said to be in words: sums, what is not counted, many outages summed up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cloud.web.desks import past_table, strip
from cloud.web.desks import span as spans
from cloud.web.desks.past import Cell, Found, Past

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def past(step: str = "day", **more: object) -> tuple[Past, spans.Span]:
    span = spans.asked(step, "", "", NOW)
    cells = [] if step == "raw" else [Cell(begin=begin, end=end) for begin, end in span.cells()]
    values: dict[str, object] = {
        "now": NOW, "device_id": "OKC000001", "place": None, "step": step, "from_at": span.from_at,
        "until_at": span.until_at, "beat_s": 600, "beats": 0, "expected": 0.0, "met": 0.0, "cells": cells,
        "findings": [], "findings_more": False, "outages": [], "pauses": [], "proofs": [], "marks": [], "lines": [],
        "lines_more": False, "remarks": [], **more,
    }  # fmt: skip
    return Past(**values), span  # type: ignore[arg-type]


def test_a_terminal_of_which_nothing_is_known_is_drawn_and_told() -> None:
    """Every step: no division by nothing, no line that nobody measured."""
    for step in spans.STEPS:
        known, span = past(step)
        drawn = strip.draw(known, span)
        assert all(band.lines == [] for band in drawn.bands)
        assert past_table.summary(known) == "收到心跳 0 次；没有发现。"
        assert past_table.tables(known, span)


def test_what_came_while_nothing_was_expected_makes_up_for_nothing() -> None:
    """Twice too many yesterday do not hide a silent day."""
    known, _ = past(beats=288, expected=288.0, met=144.0)
    assert past_table.summary(known).startswith("收到心跳 288 次，应有 288 次，到齐 50%")


def test_outages_are_told_one_by_one_until_they_are_too_many() -> None:
    """Then their number and their sum; pauses are told always."""
    gaps = [(NOW - n * HOUR, NOW - n * HOUR + timedelta(minutes=30)) for n in range(1, 14)]
    few, _ = past(outages=gaps[:2], pauses=[(NOW - 48 * HOUR, NOW - 24 * HOUR)])
    assert past_table.away(few)[1:] == [
        "平台中断：2026-03-31 11:00 至 2026-03-31 11:30，历时 30 分钟；是我方原因，不算终端失联。",
        "平台中断：2026-03-31 10:00 至 2026-03-31 10:30，历时 30 分钟；是我方原因，不算终端失联。",
    ]
    many, _ = past(outages=gaps)
    assert past_table.away(many) == ["平台中断 13 次，共 6 小时 30 分；是我方原因，不算终端失联。"]


def test_nothing_is_drawn_outside_of_the_frame() -> None:
    """A finding that began before and lasts, an outage over the edge: cut, and never too narrow to be seen."""
    common = {"sentence": "x", "next_step": "y"}
    ages = NOW - timedelta(days=900)
    long = Found(finding_id=1, title="失联", since=ages, closed_at=None, ended=None, **common)
    soon = NOW + timedelta(seconds=1)
    short = Found(finding_id=2, title="停电", since=NOW, closed_at=soon, ended="0 分钟", **common)
    for step in spans.STEPS:
        known, span = past(step, findings=[long, short], outages=[(NOW - HOUR, NOW)], proofs=[])
        drawn = strip.draw(known, span)
        for box in [*drawn.boxes, *drawn.shades, *drawn.doors]:
            assert 0 <= box.x <= 100
            assert strip.NARROWEST <= box.width <= 100.001 - box.x
            assert 0 <= box.y <= box.y + box.height <= drawn.height
