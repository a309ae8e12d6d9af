"""The watchdog is fed for a program that works, and for nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from firmware.app.supervisor import Supervisor
from firmware.core import watch
from firmware.hal.base import Nvs
from tests.firmware.app.bench import Bare

if TYPE_CHECKING:
    from pathlib import Path


class Cells(Nvs):
    """In memory."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.values.get(name)

    def set(self, name: str, data: bytes) -> bool:
        self.values[name] = data
        return True

    def remove(self, name: str) -> None:
        self.values.pop(name, None)


class Bench:
    """A supervisor whose world stands where the test puts it."""

    def __init__(self, folder: Path) -> None:
        self.board = Bare(folder)
        self.board.nvs = self.cells = Cells()
        self.board.feed = self.feed  # type: ignore[method-assign]
        self.fed = 0
        self.silent = self.open = False
        self.restarts = 0
        self.reboots: list[str] = []
        self.supervisor = Supervisor(
            board=self.board,
            silent=lambda: self.silent,
            open_=lambda: self.open,
            restart=self.restart,
            reboot=self.reboots.append,
        )

    def feed(self) -> None:
        self.fed += 1

    async def restart(self) -> None:
        self.restarts += 1
        raise OSError("a board that fails at that too")

    async def seconds(self, count: int, *beats: str) -> None:
        for _ in range(count):
            self.board.ms += 1_000
            for name in beats:
                self.supervisor.beat(name)
            self.supervisor.look()
            await asyncio.sleep(0)


async def test_a_program_that_works_is_fed_at_every_look(tmp_path: Path) -> None:
    """The network has no part in it."""
    bench = Bench(tmp_path)
    await bench.seconds(300, "keys", "modem")
    assert bench.fed == 300
    assert bench.supervisor.starved == 0


async def test_a_key_loop_that_stands_starves_the_watchdog(tmp_path: Path) -> None:
    """After five seconds; and it is fed again if the loop comes back in time."""
    bench = Bench(tmp_path)
    await bench.seconds(10, "modem")
    assert bench.fed == 5
    assert bench.board.notes[-1] == ("late", {"tasks": ["keys"]})
    await bench.seconds(1, "keys", "modem")
    assert bench.fed == 6


async def test_a_modem_task_that_stands_starves_it_too(tmp_path: Path) -> None:
    """Only past every honest wait."""
    bench = Bench(tmp_path)
    await bench.seconds(200, "keys")
    assert bench.fed == 200
    await bench.seconds(5, "keys")
    assert bench.fed == 200


async def test_a_start_that_lives_for_ten_minutes_is_a_good_one(tmp_path: Path) -> None:
    """The count of failed starts begins anew."""
    bench = Bench(tmp_path)
    bench.cells.values[watch.NVS_FAILED] = b"2"
    await bench.seconds(599, "keys", "modem")
    assert bench.cells.values == {watch.NVS_FAILED: b"2"}
    await bench.seconds(1, "keys", "modem")
    assert bench.cells.values == {}


async def test_a_lesser_start_tries_the_full_one_again_but_not_in_an_alarm(tmp_path: Path) -> None:
    """After its time; one failure is then enough to come back."""
    bench = Bench(tmp_path)
    bench.supervisor.retry_ms = bench.board.ms + 3_600_000
    bench.cells.values[watch.NVS_FAILED] = b"4"
    bench.open = True
    await bench.seconds(4_000, "keys", "modem")
    assert bench.reboots == []
    assert bench.cells.values == {watch.NVS_FAILED: b"4"}
    bench.open = False
    await bench.seconds(1, "keys", "modem")
    assert bench.reboots == ["soft"]
    assert bench.cells.values == {watch.NVS_FAILED: watch.again()}


async def test_a_silent_modem_is_restarted_and_then_the_board_is(tmp_path: Path) -> None:
    """A restart that fails is not the end of the supervisor, and nobody waits for it."""
    bench = Bench(tmp_path)
    bench.silent = True
    await bench.seconds(2_402, "keys", "modem")
    assert bench.restarts == 3
    assert bench.reboots == ["watchdog"]
    assert bench.fed == 2_402


async def test_a_board_without_a_switch_starts_again_all_the_same(tmp_path: Path) -> None:
    """There is nothing else that it could do."""
    bench = Bench(tmp_path)
    bench.silent = True
    bench.supervisor.restart = None
    await bench.seconds(2_402, "keys", "modem")
    assert bench.reboots == ["watchdog"]
