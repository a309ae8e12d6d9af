"""The listed cell carries an alarm through a day, and the way to the modem is short enough."""

from __future__ import annotations

import pytest

from firmware.core.power import Power
from tools.hardware import budget


def test_an_old_cell_in_a_cold_room_lasts_a_day_with_an_alarm_in_it() -> None:
    assert budget.hours(budget.ALWAYS + budget.TRAFFIC, budget.ALARM) >= budget.WANTED_H
    assert budget.needed_mah() <= budget.CELL_MAH


def test_a_smaller_cell_would_not_do() -> None:
    """2,000 mAh are a common answer, and not enough."""
    assert budget.needed_mah() > 2_000


def test_the_sums_are_sums() -> None:
    """A hundred milliamperes for a day are 2,400 mAh."""
    load = budget.Draw("x", 100, budget.DAY_S, "A", "")
    assert budget.mah((load, load)) == pytest.approx(4_800)
    assert budget.hours((load,)) == pytest.approx(budget.usable_mah() / 100)


def test_a_burst_sags_the_modem_less_than_it_bears() -> None:
    assert sum(part.milliohm for part in budget.WAY) <= budget.WAY_MILLIOHM
    assert budget.sag_mv() <= budget.SAG_MV


def told_low(mv: int) -> bool:
    """Whether the firmware calls a cell low that shows this for two minutes without mains."""
    power = Power()
    ticks = (power.tick(s * 1_000, 0, mv, None, in_call=False) for s in range(120))
    return any(name == "battery_low" for found in ticks for _, name, _ in found)


def test_a_sag_at_the_firmwares_low_mark_keeps_the_module_alive() -> None:
    """3.0 V is what it must never fall below."""
    mark = max(mv for mv in range(3_000, 4_200, 50) if told_low(mv))
    assert 3_400 <= mark < 4_000
    assert mark - budget.sag_mv() >= 3_000


def test_every_figure_says_where_it_comes_from() -> None:
    draws = (*budget.ALWAYS, *budget.TRAFFIC, *budget.ALARM, *budget.ASLEEP)
    assert {draw.basis for draw in draws} <= {"D", "A", "F"}
    assert all(draw.why for draw in draws)
    assert {part.basis for part in budget.WAY} <= {"D", "A"}
