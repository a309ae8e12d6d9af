"""The board's file runs in the chip's own Python: what returns at once, over the fakes. On both Pythons."""

import asyncio

from firmware.board.lilygo_tcall_sim800l import Board as Bench
from firmware.board.okb_a import Board as Own
from tests.firmware import fakes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.board.table import Table
    from firmware.hal.esp32 import Board
    from tests.firmware.fakes.chip import Chip


def with_board(table: "type[Table]", check: "Callable[[Chip, Board], None]") -> None:
    """Builds it on a fresh chip; the desk has its own modules back afterwards."""
    chip = fakes.install()
    try:
        from firmware.hal import resets
        from firmware.hal.esp32 import Board
        from firmware.hal.parts import Parts

        for _, pin in table.keys:
            chip.outside[pin] = 1
        check(chip, Board(Parts(table), resets.cause()))
    finally:
        fakes.remove()


def test_contacts_lamp_tones_and_voltages() -> None:
    """Both boards come up at rest and show what they are told."""

    def check(chip: "Chip", board: "Board") -> None:
        assert board.levels() == [False] * len(board.keys)
        chip.level(dict(board.parts.table.keys)["sos"], 0)
        assert board.levels() == [True] + [False] * (len(board.keys) - 1)
        board.lamp("calling")
        board.beep("key")
        assert chip.tones[-1] == (0, 2_000)
        assert board.mains() in (None, 0)
        assert board.reset_cause() == "power"
        assert 0 <= board.draw() < 65_536
        board.feed()
        assert chip.feeds == 1

    with_board(Own, check)
    with_board(Bench, check)


def test_values_survive_a_restart_of_the_chip() -> None:
    """Short and long ones."""

    def check(chip: "Chip", board: "Board") -> None:
        from firmware.hal.esp32 import Nvs

        for data in (b"", b"x" * 128, b"y" * 129, b"z" * 1_900):
            assert board.nvs.set("a", data)
            chip.restart(3)
            assert Nvs().get("a") == data
        board.nvs.remove("a")
        assert Nvs().get("a") is None

    with_board(Own, check)


def test_the_modems_bytes_come_and_go() -> None:
    """What waits is read, what is written is sent."""

    def check(chip: "Chip", board: "Board") -> None:
        async def talk() -> None:
            await board.uart.write(b"AT\r")
            chip.uarts[2].say(b"\r\nOK\r\n")
            assert await board.uart.read(64) == b"\r\nOK\r\n"
            assert chip.uarts[2].sent == b"AT\r"
            await board.edge(0)

        asyncio.run(talk())

    with_board(Own, check)


def test_the_time_is_set_in_utc() -> None:
    """Whatever the interpreter counts from."""

    def check(chip: "Chip", board: "Board") -> None:
        board.set_time(1_795_000_000)
        assert chip.rtc_time == (2026, 11, 18, 2, 11, 6, 40, 0)

    with_board(Own, check)


def test_tones_that_nobody_has_heard_yet_are_bounded() -> None:
    """And those that found no room are counted."""
    from firmware.hal.show import Tones

    tones = Tones()
    for _ in range(30):
        tones.play(((500, 100),), 0, False)
    assert tones.dropped == 6
    assert tones.pitch(50) == 500
    assert tones.pitch(24 * 100) == 0


def test_a_pattern_repeats_and_a_steady_one_stays() -> None:
    """(on, off) in ms."""
    from firmware.hal.show import Blinker

    blinker = Blinker()
    assert not blinker.lit(0)
    blinker.show(((50, 200), (50, 700)), 1_000)
    lit = [ms for ms in range(1_000, 3_000, 50) if blinker.lit(ms)]
    assert lit == [1_000, 1_250, 2_000, 2_250]
    blinker.show(((1_000, 0),), 0)
    assert [ms for ms in range(0, 5_000, 50) if not blinker.lit(ms)] == []
