"""`micropython` as far as the terminal uses it: which byte of the console is an interrupt."""

from tests.firmware.fakes.chip import CHIP


def kbd_intr(byte: int) -> None:
    """-1: none."""
    CHIP.interrupt = byte
