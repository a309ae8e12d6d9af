"""The modem's power, moved on a model of the module whose key toggles, in time that only these tests move."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.hal.base import ModemSwitch
from firmware.modem.power import _ANSWER_MS, Power

if TYPE_CHECKING:
    from collections.abc import Iterator

START_MS = 3_000
HOUR_MS = 3_600_000


class Module(ModemSwitch):
    """On or off, deaf or not; the key works on a deaf one only if `key_dead` is not set."""

    def __init__(self, *, on: bool = False, line: bool = True, load_switch: bool = False) -> None:
        self.now = 10_000
        self.on = on
        self.line = line
        self.load_switch = load_switch
        self.deaf = False
        self.key_dead = False
        self.told_off = False
        self.started = 0
        self.switched_off = 0
        self.power = Power(self, lambda: self.now, self._forget)
        self.forgotten = 0

    def _forget(self) -> None:
        self.forgotten += 1

    def _turn(self, on: bool) -> None:
        self.switched_off += self.on and not on
        self.on = on
        self.started = self.now

    async def press(self, ms: int) -> None:
        self.now += ms
        assert ms >= 1000
        if self.on and not self.key_dead:
            self._turn(False)
            if not self.deaf:
                self.power.said_down()
            self.deaf = False
        elif not self.on:
            self._turn(True)

    def status(self) -> bool | None:
        return self.on if self.line else None

    async def supply(self, on: bool) -> bool:
        if not self.load_switch:
            return False
        if not on:
            self._turn(False)
            self.deaf = self.key_dead = False
        return True

    def answers(self) -> bool:
        return self.on and not self.deaf and self.now - self.started >= START_MS

    async def find(self) -> bool:
        """As the driver does it: ask, and tell the power how often in vain."""
        for tries in range(120):
            await self.power.unanswered(tries)
            if self.answers():
                return True
            self.now += 1_500
        return False


@pytest.fixture(autouse=True)
def clock() -> Iterator[list[Module]]:
    """`sleep` moves the time of the module under test and takes none of ours."""
    modules: list[Module] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        for module in modules:
            module.now += int(seconds * 1000)
        await real(0)

    asyncio.sleep = sleep  # type: ignore[assignment]
    try:
        yield modules
    finally:
        asyncio.sleep = real


async def test_a_module_that_runs_is_not_switched_off_by_a_restart_of_the_terminal(clock: list[Module]) -> None:
    """With and without a status line."""
    for line in (True, False):
        module = Module(on=True, line=line)
        clock.append(module)
        assert await module.find()
        assert module.switched_off == 0


async def test_a_module_that_is_off_is_started(clock: list[Module]) -> None:
    """One press, and time to start."""
    for line in (True, False):
        module = Module(line=line)
        clock.append(module)
        assert await module.find()
        assert (module.switched_off, module.power.restarts) == (0, 0)


async def test_a_restart_goes_off_rests_and_comes_on(clock: list[Module]) -> None:
    """And whoever asks meanwhile does not get a second one."""
    module = Module(on=True)
    clock.append(module)
    await asyncio.gather(module.power.restart(), module.power.restart())
    assert module.on
    # Forgotten at the beginning, and once more when it is off: until then it talks.
    assert (module.switched_off, module.power.restarts, module.forgotten) == (1, 1, 2)
    await module.power.restart()
    assert module.power.restarts == 1
    module.now += _ANSWER_MS
    await module.power.restart()
    assert module.power.restarts == 2


async def test_who_finds_it_off_in_the_middle_of_a_restart_does_not_press_too(clock: list[Module]) -> None:
    """The key toggles: a second press would switch off what the first has started."""
    module = Module(on=True)
    clock.append(module)
    restart = asyncio.create_task(module.power.restart())
    asked = 0
    while not restart.done():
        await asyncio.sleep(0)
        if module.power.moving:
            asked += 1
            await module.power.unanswered(2)
    assert asked >= 1
    assert module.on
    assert module.switched_off == 1


async def test_a_module_whose_key_is_dead_loses_its_supply(clock: list[Module]) -> None:
    """The last step, on boards that have the switch for it; others are told to be stuck."""
    module = Module(on=True, load_switch=True)
    module.deaf = module.key_dead = True
    clock.append(module)
    assert await module.find()
    assert module.power.cuts == 1
    poor = Module(on=True)
    poor.deaf = poor.key_dead = True
    clock.append(poor)
    assert not await poor.find()
    assert poor.power.stuck > 0


@settings(max_examples=100, deadline=None)
@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 4_000))
def test_whatever_state_it_is_found_in_it_runs_within_two_minutes(
    on: bool, deaf: bool, line: bool, load_switch: bool, age_ms: int
) -> None:
    """And a module that answered was never switched off."""
    module = Module(on=on, line=line, load_switch=load_switch)
    module.deaf = deaf
    module.started = module.now - age_ms

    async def sleep(seconds: float) -> None:
        module.now += int(seconds * 1000)

    asyncio.sleep = sleep  # type: ignore[assignment]
    begun = module.now
    assert asyncio.run(module.find())
    assert module.now - begun < 120_000
    if on and not deaf and age_ms >= START_MS:
        assert module.switched_off == 0


def test_a_broken_line_that_always_says_no_is_no_word_against_a_module_that_answers() -> None:
    """It counts from the first time that it says yes in this start: a wire without contact never does."""
    module = Module(on=False)
    assert module.power.shown() is None
    module.on = True
    assert module.power.shown() is True
    module.on = False
    assert module.power.shown() is False
