"""The board's lines, storage and clock, over a chip that is as strict as its manual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firmware.board import lilygo_tcall_sim800l, okb_a
from firmware.core.indicator import BEEPS
from tests.firmware.fakes import machine
from tests.firmware.fakes.chip import PowerCut, Reset, Starved
from tests.firmware.fakes.loop import run

if TYPE_CHECKING:
    from firmware.board.table import Table
    from firmware.hal.esp32 import Board
    from tests.firmware.fakes.chip import Chip


def build(chip: Chip, table: type[Table] = okb_a.Board, cause: str = "power") -> Board:
    from firmware.hal.esp32 import Board
    from firmware.hal.parts import Parts

    for _, pin in table.keys:
        chip.outside[pin] = 1  # the pull-ups
    return Board(Parts(table), cause)


def uart(chip: Chip) -> machine.UART:
    port = chip.uarts[2]
    assert isinstance(port, machine.UART)
    return port


def test_no_line_cuts_a_call_when_the_chip_starts(chip: Chip) -> None:
    """PWRKEY rests, the supply is on, the module is kept awake, and the watchdog runs before any of it."""
    board = build(chip)
    assert chip.watchdog_ms == 15_000
    assert [(pin, level) for _, pin, level in chip.moves if pin in (4, 23, 32)] == [(4, 0), (23, 1), (32, 0)]
    assert board.switch.status() is False
    chip.outside[34] = 1
    assert board.switch.status() is True


def test_without_a_transistor_pwrkey_is_never_driven_high(chip: Chip) -> None:
    """The module pulls it to its battery's voltage. The bench board has no STATUS line."""
    board = build(chip, lilygo_tcall_sim800l.Board)
    run(board.switch.press(1_200), 2_000)
    assert [(ms, level) for ms, pin, level in chip.moves if pin == 4] == [(0, None), (0, 0), (1_200, None)]
    assert [level for _, pin, level in chip.moves if pin == 5] == [None]
    assert board.switch.status() is None
    assert chip.bus == [(0x75, 0, b"\x37")]


def test_the_bench_board_runs_without_its_power_chip(chip: Chip) -> None:
    """Nothing answers on the bus."""
    chip.bus_answers = False
    assert build(chip, lilygo_tcall_sim800l.Board).cell_mv() is None


def test_pwrkey_is_let_go_even_if_the_press_is_cancelled(chip: Chip) -> None:
    """A task that dies with PWRKEY down would switch the modem off and on for ever."""
    board = build(chip)
    run(board.switch.press(60_000), 500)
    assert [(ms, level) for ms, pin, level in chip.moves if pin == 4] == [(0, 0), (0, 1), (500, 0)]


def test_the_supply_can_be_cut(chip: Chip) -> None:
    """The final step with a modem that hears nothing."""
    board = build(chip)

    async def cut() -> None:
        assert await board.switch.supply(on=False)
        assert await board.switch.supply(on=True)

    run(cut(), 10)
    assert [level for _, pin, level in chip.moves if pin == 23] == [1, 0, 1]


def test_a_closed_contact_is_seen_at_the_next_step(chip: Chip) -> None:
    """An edge ends the wait; without one it lasts as long as asked. An edge that nobody awaited is not lost."""
    board = build(chip)
    waits: list[int] = []

    async def look() -> None:
        for _ in range(3):
            begun = chip.ms
            await board.edge(50)
            waits.append(chip.ms - begun)

    chip.ticking.append(lambda ms: chip.level(33, 0) if ms == 70 else None)
    run(look(), 1_000)
    assert waits == [50, 20, 50]
    assert board.levels() == [True, False, False, False, False, False]
    chip.level(33, 1)
    waits.clear()
    run(look(), 1_000)
    assert waits == [0, 50, 50]


def test_bytes_come_and_go_whole(chip: Chip) -> None:
    """At least one byte a read, at most what was asked; a long write never fills the buffer, which would block."""
    board = build(chip)
    got: list[bytes] = []

    async def talk() -> None:
        got.append(await board.uart.read(4))
        got.append(await board.uart.read(512))
        await board.uart.write(b"x" * 5_000)

    chip.ticking.append(lambda ms: uart(chip).say(b"\r\nOK\r\n") if ms == 25 else None)
    run(talk(), 5_000)
    assert got == [b"\r\nOK", b"\r\n"]
    assert uart(chip).sent == b"x" * 5_000


def test_the_speed_of_the_line_can_change(chip: Chip) -> None:
    """A modem that autobauds, or was set to another speed, is found."""
    board = build(chip)
    assert board.uart.speed(9_600)
    assert uart(chip).baudrate == 9_600
    uart(chip).say(b"OK", 9_600)
    assert uart(chip).any() == 2


def test_what_nobody_reads_in_time_is_lost_beyond_4_kib(chip: Chip) -> None:
    """A third of a second at full speed."""
    build(chip)
    uart(chip).say(b"x" * 5_000)
    assert uart(chip).lost == 5_000 - 4_096


def test_the_lamp_blinks_and_tones_follow_each_other(chip: Chip) -> None:
    """The first light and the first pitch come at once, the answer to a key cuts what sounds, silence follows."""
    board = build(chip)
    board.lamp("calling")
    board.beep("nobody")
    assert chip.lamps[-1] == (0, bytes((0, 0, 80)))
    assert chip.tones[-1] == (0, 500)
    run(board.watch(), 100)
    board.beep("key")
    assert chip.tones[-1] == (100, BEEPS["key"][0][0])
    board.beep("sos")
    run(board.watch(), 1_000)
    assert [hz for ms, hz in chip.tones if ms > 100] == [1_500, 0, 2_000, 0]
    assert [ms for ms, _ in chip.lamps if ms] == pytest.approx([300, 600, 900], abs=25)


def test_a_lamp_of_one_colour_shows_every_state_but_off(chip: Chip) -> None:
    """The bench board."""
    board = build(chip, lilygo_tcall_sim800l.Board)
    for state in ("talking", "off"):
        board.lamp(state)
    assert [level for _, pin, level in chip.moves if pin == 13][-2:] == [1, 0]


def test_voltages_are_those_before_the_divider(chip: Chip) -> None:
    """The battery in mV; mains is yes or no, even where the converter's range ends."""
    board = build(chip)
    chip.millivolts.update({36: 1_950, 39: 2_600})
    assert board.cell_mv() == 3_900
    assert board.mains() == 1
    chip.millivolts[39] = 150
    assert board.mains() == 0
    assert build(chip, lilygo_tcall_sim800l.Board).mains() is None


def test_the_watchdog_bites_who_does_not_feed(chip: Chip) -> None:
    """And only then."""
    board = build(chip)
    for _ in range(10):
        chip.advance(14_000)
        board.feed()
    with pytest.raises(Starved):
        chip.advance(15_001)


def test_uptime_does_not_wrap_with_the_ticks(chip: Chip) -> None:
    """They do so every twelve days."""
    chip.ms = (1 << 30) - 500
    board = build(chip)
    chip.watchdog_ms = None
    assert board.now() == 0
    chip.ms += 1_000
    assert board.now() == 1_000


@pytest.mark.parametrize(
    ("reason", "register", "own", "cause"),
    [
        (machine.PWRON_RESET, 1, False, "power"),
        (machine.PWRON_RESET, 15, False, "brownout"),
        (machine.WDT_RESET, 8, False, "watchdog"),
        (machine.HARD_RESET, 12, False, "crash"),
        (machine.HARD_RESET, 12, True, "soft"),
        (machine.SOFT_RESET, 12, False, "soft"),
        (machine.DEEPSLEEP_RESET, 5, False, "soft"),
    ],
)
def test_the_reason_of_a_start_is_told(chip: Chip, reason: int, register: int, own: bool, cause: str) -> None:
    """A restart of our own is told from a crash by a mark, which counts once."""
    from firmware.hal import resets

    if own:
        with pytest.raises(Reset):
            build(chip).reboot()
    chip.restart(reason)
    chip.reset_register = register
    assert resets.cause() == cause
    assert chip.rtc_memory == b""


def test_the_networks_time_is_set_in_utc(chip: Chip) -> None:
    """Year to second, with the weekday where the chip wants it."""
    build(chip).set_time(1_795_000_000)
    assert chip.rtc_time == (2026, 11, 18, 2, 11, 6, 40, 0)


def test_stored_values_are_whole_whenever_the_power_goes(chip: Chip) -> None:
    """The value of before or of after, at every write; one that cannot be kept is told."""
    board = build(chip)
    assert board.nvs.get("sos") is None
    assert board.nvs.set("sos", b"o" * 1_900)
    for keeps in (False, True):
        chip.nvs_cut, chip.nvs_cut_keeps = 0, keeps
        with pytest.raises(PowerCut):
            board.nvs.set("sos", b"n" * 60)
        chip.nvs_cut = None
        board = build(chip)
        assert board.nvs.get("sos") == (b"n" * 60 if keeps else b"o" * 1_900)
    assert not board.nvs.set("a name of sixteen", b"")
    assert not board.nvs.set("sos", b"x" * 1_901)
    chip.nvs_broken = True
    assert not board.nvs.set("sos", b"x")
    board.nvs.remove("nothing")
    chip.nvs_broken = False
    board.nvs.remove("sos")
    assert build(chip).nvs.get("sos") is None


def test_without_a_partition_for_values_nothing_is_there_and_nothing_kept(chip: Chip) -> None:
    """The keys still dial what stands in the code."""
    chip.nvs_gone = True
    board = build(chip)
    assert board.nvs.get("sos") is None
    assert not board.nvs.set("sos", b"x")
    board.nvs.remove("sos")


def test_nothing_in_the_firmware_switches_the_radio_on() -> None:
    """Its driver takes 28 KB as soon as an object of it exists, active or not."""
    from pathlib import Path

    root = Path(__file__).resolve().parents[3] / "firmware"
    for path in root.rglob("*.py"):
        assert "import network" not in path.read_text(), path


def test_draws_and_heap_are_numbers(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen bits; and what the interpreter says is free."""
    import gc

    monkeypatch.setattr(gc, "mem_free", lambda: 70_000, raising=False)
    board = build(chip)
    assert 0 <= board.draw() < 65_536
    assert board.heap() == 70_000
    assert board.keys == ("sos", "k1", "k2", "k3", "k4", "cancel")
