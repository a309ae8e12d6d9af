"""The console of a board that is not ready yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.board.console import Console
from tools.chip import Chip

if TYPE_CHECKING:
    from pathlib import Path

DEAF = """
import micropython, time
micropython.kbd_intr(-1)
time.sleep(2.5)
micropython.kbd_intr(3)
while True:
    time.sleep(1)
"""


def test_a_board_that_hears_the_third_knock_first_is_understood(tmp_path: Path) -> None:
    """All three lie in its buffer by then, and its prompt answers each of them."""
    board = Chip(tmp_path)
    board.files.mkdir()
    (board.files / "main.py").write_text(DEAF)
    with board:
        assert board.wait(lambda: len(board.boots) == 1)
        with Console(board.port) as console:
            assert [console.run(f"print({n})") for n in range(3)] == ["0\n", "1\n", "2\n"]
        assert board.boots == [1]
