"""The file system of the chip, in MicroPython, over a flash that fails: cases in on_flash.py."""

from __future__ import annotations

from tests.micropython import unix


def test_the_boot_chain_finds_makes_or_does_without_a_file_system() -> None:
    """Whole, new, nonsense, wounded, unreadable, full, cut off at every write."""
    done = unix.run("run.py", "tests.firmware.boot.on_flash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout
