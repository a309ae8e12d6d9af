"""The record of the day against a list of minutes: none twice, none lost but those of a boot without a clock."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware.core.clock import day_text, shanghai_number
from firmware.core.day import DayBook
from firmware.core.lines import pack, unpack

START = 1_775_318_400  # a Shanghai midnight
MINUTE = 60_000


class DayMachine(RuleBasedStateMachine):
    """Time passes with and without a clock, power is cut, the clock is a little wrong now and then.

    `lived` is the model: minutes powered and not lost. Of two records of a day the cloud takes the larger one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.book = DayBook()
        self.uptime = 0
        self.true = START  # what the wall clock says
        self.error = 0
        self.clock = True
        self.lived = 0
        self.saved = unpack(pack(self.book.dump()))
        self.saved_lived = 0
        self.told: dict[str, int] = {}
        self.book.tick(0, START, True)

    @rule(minutes=st.sampled_from([1, 7, 60, 600, 1_500]))
    def live(self, minutes: int) -> None:
        for _ in range(minutes):
            self.uptime += MINUTE
            self.true += 60
            self.lived += 1
            self._tick()

    def _tick(self) -> None:
        epoch = self.true + self.error if self.clock else None
        for fields in self.book.tick(self.uptime, epoch, True):
            day, on = fields["day"], fields["on"]
            assert isinstance(day, str)
            assert isinstance(on, int)
            assert on == fields["reg"]
            assert on <= 1_440
            assert day <= day_text(shanghai_number(self.true + self.error))
            self.told[day] = max(self.told.get(day, 0), on)
            self.store()  # the terminal stores the record of a day and then the book

    @rule()
    def store(self) -> None:
        self.saved = unpack(pack(self.book.dump()))
        self.saved_lived = self.lived

    @precondition(lambda self: self.clock)
    @rule(off=st.sampled_from([0, 60, 3_600, 100_000]))
    def power_cut(self, off: int) -> None:
        """What was not stored is lost; what was stored without a date is counted as such."""
        self.lived = self.saved_lived
        self.book = DayBook()
        self.book.load(self.saved)
        self.uptime = 0
        self.true += off
        self._tick()

    @rule(error=st.sampled_from([-90, -5, 0, 5, 90]))
    def drift(self, error: int) -> None:
        """The network corrects the clock, or misleads it a little."""
        self.error = error
        self._tick()

    @rule()
    def lose_clock(self) -> None:
        """Only a new boot has no clock; here the minutes until it comes matter, not the boot."""
        self.clock = not self.clock
        self._tick()

    @invariant()
    def every_minute_is_in_one_day_or_counted_as_lost(self) -> None:
        """But for the seconds that a drift cuts off at each midnight."""
        days = dict(self.told)
        days.update({day_text(number): page["on_ms"] // MINUTE for number, page in self.book._days.items()})
        held = sum(days.values()) + sum(page["on_ms"] for _, page in self.book._hours) // MINUTE
        held += self.book.lost_minutes
        assert abs(held - self.lived) <= 4 * (len(days) + 1)


DayMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestDays = DayMachine.TestCase
