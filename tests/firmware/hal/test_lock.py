"""A locked console: deaf to interrupts from the start on, opened by its own code and by nothing else."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.firmware.fakes.chip import Chip

CODE = b"7KQ2M9XW0TB4CDE5FGH3J"
HASH = hashlib.sha256(CODE).digest()
KEY = ("onekey", "lock")


class Stdin:
    """A console: what a technician types comes out byte by byte."""

    def __init__(self) -> None:
        read, self._write = os.pipe()
        self.buffer = io.FileIO(read)

    def fileno(self) -> int:
        return self.buffer.fileno()

    def type(self, data: bytes) -> None:
        os.write(self._write, data)

    def close(self) -> None:
        self.buffer.close()
        os.close(self._write)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stdin]:
    made = Stdin()
    monkeypatch.setattr(sys, "stdin", made)
    yield made
    made.close()


def start(chip: Chip) -> object:
    """As the chip does at power on; returns what looks at the console."""
    from firmware.hal import lock
    from firmware.hal.cells import Cells

    chip.restart(1)
    lock.close(Cells())
    return lock.Lock(Cells()).look


def test_without_a_hash_the_console_is_open_and_nobody_reads_it(chip: Chip, stdin: Stdin) -> None:
    """A bench in the middle of its work."""
    look = start(chip)
    stdin.type(b"unlock x\n")
    assert callable(look)
    look()
    assert chip.interrupt == 3
    assert stdin.buffer.read(9) == b"unlock x\n"


def test_its_code_opens_it_for_good(chip: Chip, stdin: Stdin, capsys: pytest.CaptureFixture[str]) -> None:
    """Through everything that a tool has typed before."""
    chip.stored[KEY] = HASH
    look = start(chip)
    assert callable(look)
    assert chip.interrupt == -1
    stdin.type(b"\r\x03\x03\x01\xff\xfe help\r\nunlock WRONG\r\n")
    look()
    assert (chip.interrupt, capsys.readouterr().out) == (-1, "locked\n")
    stdin.type(b"unlock " + CODE[:5])
    look()
    stdin.type(CODE[5:] + b"\r\n")
    look()
    assert (chip.interrupt, capsys.readouterr().out) == (3, "unlocked\n")
    assert KEY not in chip.stored
    start(chip)
    assert chip.interrupt == 3


def test_an_endless_line_is_bounded_and_spoils_only_itself(
    chip: Chip, stdin: Stdin, capsys: pytest.CaptureFixture[str]
) -> None:
    """One look takes no more than the chip keeps; the terminal has other things to do."""
    chip.stored[KEY] = HASH
    look = start(chip)
    assert callable(look)
    stdin.type(b"unlock " + b"A" * 2_000 + b"\nunlock " + CODE + b"\n")
    looks = 0
    while chip.interrupt == -1:
        look()
        looks += 1
        assert looks < 20
    assert looks == -(-(2_000 + 8 + 8 + len(CODE)) // 260)
    assert capsys.readouterr().out == "locked\nunlocked\n"


def test_a_console_that_fails_does_not_stop_who_feeds_the_watchdog(chip: Chip, stdin: Stdin) -> None:
    """A descriptor that is gone."""
    chip.stored[KEY] = HASH
    look = start(chip)
    assert callable(look)
    stdin.type(b"x")
    os.close(stdin.buffer.fileno())
    try:
        look()
        assert chip.interrupt == -1
    finally:
        os.dup2(os.open(os.devnull, os.O_RDONLY), stdin.buffer.fileno())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=250))
def test_nothing_else_opens_it(chip: Chip, stdin: Stdin, data: bytes) -> None:
    """Whatever is typed."""
    chip.stored[KEY] = HASH
    look = start(chip)
    assert callable(look)
    stdin.type(data + b"\n")
    look()
    assert chip.interrupt == -1
    assert chip.stored[KEY] == HASH
