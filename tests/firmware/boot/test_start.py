"""What runs at power on: the terminal while it works, less and less of it while it does not, the keys always."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.app import identity
from firmware.boot import start
from firmware.core import watch
from tests.firmware.fakes import machine
from tests.firmware.fakes.chip import Reset, Starved
from tests.firmware.fakes.loop import ChipLoop
from tests.firmware.fakes.modem import Modem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from firmware.main import Terminal
    from tests.firmware.fakes.chip import Chip

PINS = (33, 13, 21, 22, 18, 19)
SOS = 33
DESK = "01055500000"  # as shipped


class Programs:
    """Says which program ran, start after start. `error`: what the terminal dies of."""

    def __init__(self, chip: Chip, error: BaseException | None) -> None:
        from firmware.hal.cells import Cells

        self.cells = Cells()
        self.error = error
        self.ran: list[str] = []

    def terminal(self, mode: str) -> None:
        self.ran.append(mode)
        if self.error is not None:
            raise self.error

    def bare(self) -> None:
        self.ran.append("bare")
        raise MemoryError

    def boot(self, times: int, cause: str) -> list[str]:
        for _ in range(times):
            start.start(self.cells, cause, self.terminal, self.bare, lambda: self.ran.append("reboot"))
        return [word for word in self.ran if word != "reboot"]


def test_a_terminal_that_dies_comes_back_three_times_then_without_files_and_data_then_bare(chip: Chip) -> None:
    """After the smallest program the whole one gets one try."""
    programs = Programs(chip, RuntimeError())
    assert programs.boot(9, "soft") == [*["full"] * 3, *["safe"] * 3, "bare", "full", "safe"]
    assert programs.ran.count("reboot") == 9
    assert programs.cells.get(start._NVS_WHY) == b"RuntimeError()"


def test_power_that_comes_and_goes_is_no_failure(chip: Chip) -> None:
    """A loose plug must not cost the elder the data link."""
    assert Programs(chip, RuntimeError()).boot(9, "power") == ["full"] * 9


@pytest.mark.parametrize("error", [ImportError(), SyntaxError()])
def test_what_an_image_lacks_it_will_lack_next_time(chip: Chip, error: Exception) -> None:
    """The keys are served in the same start."""
    assert Programs(chip, error).boot(1, "soft") == ["full", "bare"]


def test_a_start_that_cannot_be_counted_is_not_tried_for_ever(chip: Chip) -> None:
    """The storage of values refuses, or its partition is gone."""
    chip.nvs_broken = True
    assert Programs(chip, RuntimeError()).boot(1, "soft") == ["full", "bare"]
    chip.nvs_broken, chip.nvs_gone = False, True
    assert Programs(chip, RuntimeError()).boot(1, "soft") == ["full", "bare"]


def test_a_technician_at_the_console_gets_it(chip: Chip) -> None:
    """Ctrl-C is no failure of the program."""
    with pytest.raises(KeyboardInterrupt):
        Programs(chip, KeyboardInterrupt()).boot(1, "soft")


class Machine:
    """The whole firmware on a chip: `boot` runs it until the chip restarts or the time is over."""

    def __init__(self, chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chip = chip
        self.modem: Modem | None = None
        self.terminal: Terminal | None = None
        self.events: list[tuple[int, Callable[[], None]]] = []
        for pin in PINS:
            chip.outside[pin] = 1
        monkeypatch.setattr(asyncio, "run", self._run)
        import gc

        monkeypatch.setattr(gc, "mem_free", lambda: 70_000, raising=False)

    def _run(self, main: object) -> None:
        with asyncio.Runner(loop_factory=ChipLoop) as runner:
            runner.run(main)  # type: ignore[arg-type]

    def _tick(self, ms: int) -> None:
        if self.modem is None and 2 in self.chip.uarts:
            self.modem = Modem()
        for at, what in self.events:
            if at == ms:
                what()

    def press(self, at: int, pin: int = SOS, held: int = 1_000) -> None:
        self.events.append((at, lambda: self.chip.level(pin, 0)))
        self.events.append((at + held, lambda: self.chip.level(pin, 1)))

    def boot(self, until: int, cause: int = machine.HARD_RESET) -> str:
        """What ended it: `reset`, `starved` or `time`."""
        from firmware import entry

        self.chip.restart(cause)
        self.modem = None
        self.chip.ticking.append(self._tick)

        class Over(BaseException):
            pass

        def over() -> None:
            raise Over

        self.events.append((until, over))
        try:
            entry.power_on()
        except Over:
            return "time"
        except Reset:
            return "reset"
        except Starved:
            return "starved"
        finally:
            self.events.clear()
        return "end"


@pytest.fixture
def whole(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(chip, monkeypatch)


def test_the_whole_terminal_dials_on_a_chip_from_the_factory(whole: Machine) -> None:
    """No identity, no file system, nothing stored: lamp and tone at once, then the number that stands in the code."""
    whole.press(20_000)
    assert whole.boot(40_000, machine.PWRON_RESET) == "time"
    assert whole.modem is not None
    assert whole.modem.dialled[:1] == [DESK]
    assert next(ms for ms, hz in whole.chip.tones if hz and ms >= 20_000) <= 20_100
    assert whole.chip.feeds > 30


def test_it_lives_through_an_hour_and_counts_as_a_good_start(whole: Machine) -> None:
    """The watchdog never bites a healthy terminal."""
    whole.chip.stored["onekey", watch.NVS_FAILED] = b"1"
    assert whole.boot(660_000) == "time"
    assert ("onekey", watch.NVS_FAILED) not in whole.chip.stored


def test_a_key_loop_that_blocks_restarts_the_chip(whole: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else may run on: without keys it is no terminal."""
    from firmware.app.alarm import Alarm

    monkeypatch.setattr(Alarm, "look", lambda self, now: 1 // 0)
    assert whole.boot(60_000) == "starved"
    assert 15_000 < whole.chip.ms < 30_000


@pytest.mark.parametrize("broken", ["firmware.main", "firmware.app.alarm", "protocol.messages", "firmware.hal.esp32"])
def test_the_keys_dial_though_a_module_is_missing(whole: Machine, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """In the same start."""
    import sys

    monkeypatch.delitem(sys.modules, "firmware.main", raising=False)
    monkeypatch.setitem(sys.modules, broken, None)
    whole.press(20_000)
    assert whole.boot(40_000) == "time"
    assert whole.modem is not None
    assert whole.modem.dialled[:1] == [DESK]


def test_the_keys_dial_though_the_terminal_dies_at_every_start(whole: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without files and data it dies too: then the smallest program runs."""
    import importlib

    main = importlib.import_module("firmware.main")  # the one that counts, whatever was removed before

    def dies(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(main, "Terminal", dies)
    assert [whole.boot(20_000) for _ in range(6)] == ["reset"] * 6
    whole.press(10_000)
    assert whole.boot(20_000) == "time"
    assert whole.modem is not None
    assert whole.modem.dialled[:1] == [DESK]


def test_calls_alone_still_dial_and_try_the_rest_again_in_time(whole: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole ladder works; what may have been the trouble is left out."""
    monkeypatch.setattr(watch, "AGAIN_MS", 200_000)
    whole.chip.stored["onekey", watch.NVS_FAILED] = b"3"
    whole.press(20_000)
    whole.events.append((21_500, lambda: whole.modem.ends("BUSY") if whole.modem else None))
    assert whole.boot(120_000) == "time"
    assert whole.modem is not None
    assert whole.modem.dialled[:2] == [DESK, DESK]
    assert whole.boot(300_000) == "reset"
    assert whole.chip.stored["onekey", watch.NVS_FAILED] == watch.again()


def test_the_table_of_the_bench_board_is_chosen_by_what_provisioning_wrote(chip: Chip) -> None:
    """Anything else means our own."""
    from firmware import entry
    from firmware.hal.cells import Cells

    cells = Cells()
    assert entry.table(cells).name == "okb-a"
    cells.set(entry._NVS_BOARD, b"lilygo-tcall-sim800l")
    assert entry.table(cells).name == "lilygo-tcall-sim800l"
    cells.set(entry._NVS_BOARD, b"\xff")
    assert entry.table(cells).name == "okb-a"


def test_an_identity_brings_the_link_with_it(whole: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And only a whole one does."""
    from firmware import entry
    from firmware.board.okb_a import Board as Table
    from firmware.hal.esp32 import Board
    from firmware.hal.parts import Parts

    board = Board(Parts(Table), "power")
    assert entry.build(watch.FULL, board).left_out == ("link",)
    assert identity.write(board.nvs, "OKC100001", b"secret", "mqtt.example:8883", [])
    terminal = entry.build(watch.FULL, board)
    assert terminal.left_out == ()
    assert terminal.device == "OKC100001"
    assert board.folder == entry._NOWHERE
    lesser = entry.build(watch.SAFE, board)
    assert set(lesser.left_out) == set(entry._NOT_NEEDED_TO_CALL)
    assert lesser.supervisor.retry_ms == watch.AGAIN_MS
