"""`onekey chip`, as somebody without hardware meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from tests.tools.chip.using import esptool, mpremote, run
from tools.embedded import children

if TYPE_CHECKING:
    from collections.abc import Iterator

ONEKEY = [sys.executable, "-m", "tools", "chip", "--speed", "20"]


class Bench:
    """The command, running."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.process = children.start(
            [*ONEKEY, "--folder", str(folder), *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._out: IO[bytes] = self.process.stdout  # type: ignore[assignment]
        self._in: IO[bytes] = self.process.stdin  # type: ignore[assignment]
        self.port = self._out.readline().decode().strip()

    def say(self, line: str) -> None:
        self._in.write(line.encode() + b"\n")
        self._in.flush()

    def until(self, name: str) -> Any:
        """The value of the next line that has it."""
        for raw in self._out:
            line = json.loads(raw)
            if name in line:
                return line[name]
        raise AssertionError("it ended")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A board from the factory."""
    one = Bench(tmp_path)
    yield one
    children.stop(one.process)


def test_a_newcomer_flashes_a_board_and_sees_its_lamp(bench: Bench, tmp_path: Path) -> None:
    """From a blank chip to a light, with the tools of the trade."""
    (tmp_path / "image.bin").write_bytes(b"\xe9" + bytes(5_000))
    esptool(bench.port, "write-flash", "0x1000", str(tmp_path / "image.bin"))
    green = "bitstream(Pin(14, Pin.OUT), 0, (400, 850, 800, 450), bytes((40, 0, 0)))"
    mpremote(bench.port, "resume", "exec", f"from machine import Pin, bitstream; {green}")
    assert bench.until("lamp") == "#002800"


def test_hands_are_lines(bench: Bench) -> None:
    """Each does what it says; what is none is answered with what there is."""
    bench.say("mains off")
    bench.say("battery 3600")
    bench.say("sos 20")
    bench.say("modem status")
    assert bench.until("modem")
    bench.say("120 now")
    assert "mains on" in bench.until("error")
    bench.say("quit")
    assert bench.process.wait(60) == 0
    assert not Path(bench.port).exists()


def test_it_ends_with_its_input(bench: Bench) -> None:
    """Nobody is there any more."""
    assert bench.process.stdin is not None
    bench.process.stdin.close()
    assert bench.process.wait(60) == 0


@pytest.mark.parametrize("words", [("--mac", "1"), ("--imei", "12"), ("--flash-mb", "3")])
def test_a_board_that_cannot_be_is_refused(words: tuple[str, str]) -> None:
    """Before anything starts."""
    assert "power of two" in run("python", "-m", "tools", "chip", *words, code=2).replace("\n", " ")
