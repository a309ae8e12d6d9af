"""What a fleet draws, and the days of its terminals."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tools.simulated.daybook import BY_HOUR, DayBook, busy
from tools.simulated.dice import Dice

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC).timestamp()  # in Shanghai


def test_the_same_words_draw_the_same_numbers_and_others_do_not() -> None:
    """Whatever another terminal draws meanwhile."""
    one, other = Dice("1", "SIM000001"), Dice("1", "SIM000002")
    drawn = [(one.bits(), other.bits())[0] for _ in range(50)]
    again = Dice("1", "SIM000001")
    assert [again.bits() for _ in range(50)] == drawn
    assert len(set(drawn)) == 50
    assert Dice("2", "SIM000001").bits() != drawn[0] != Dice("1", "SIM000002").bits()


@given(st.text(), st.integers(-50, 50), st.integers(0, 50))
def test_what_is_drawn_lies_within(word: str, low: int, more: int) -> None:
    """Both ends of whole numbers included."""
    dice = Dice(word)
    assert low <= dice.randint(low, low + more) <= low + more
    assert 0 <= dice.random() < 1
    assert low <= dice.uniform(low, low + more) <= low + more
    assert dice.weighted("abc", (0, 3, 0)) == "b"
    assert dice.choice("x") == "x"


def test_a_day_is_told_once_with_its_own_counts() -> None:
    """At the end of the Shanghai day; what comes afterwards belongs to the next."""
    book = DayBook(NOON)
    book.count("beats")
    book.count("beats")
    book.count("presses")
    assert book.over(NOON + 11.9 * 3600) is None
    told = book.over(NOON + 12.5 * 3600)
    assert told is not None
    assert (told["day"], told["beats"], told["presses"], told["answered"]) == ("2026-11-23", 2, 1, 0)
    assert (told["on"], told["reg"]) == (720, 720)
    assert book.over(NOON + 13 * 3600) is None
    next_day = book.over(NOON + 40 * 3600)
    assert next_day is not None
    assert (next_day["day"], next_day["beats"]) == ("2026-11-24", 0)


def test_nights_are_quieter_than_mornings() -> None:
    """By the clock of Shanghai, the busiest hour is 1."""
    by_hour = [busy(NOON + 3600 * hour) for hour in range(24)]
    assert max(by_hour) == 1.0
    assert by_hour[15] == BY_HOUR[3] / max(BY_HOUR)  # 3 o'clock
    assert by_hour[15] < by_hour[21]  # 9 o'clock
