"""The one keyboard of a bench: each answer goes to the board that asked; nobody waits for a keyboard that is gone."""

from __future__ import annotations

import io
import queue

import pytest

from tools.accept import person


@pytest.fixture(autouse=True)
def _fresh() -> None:
    person._keyboard.cache_clear()


def test_the_boards_of_a_batch_share_one_keyboard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second reader would take the answers of the second board to the first; what is asked is not a result."""
    keyboard: queue.Queue[str | None] = queue.Queue()
    monkeypatch.setattr("sys.stdin", iter(keyboard.get, None))

    def typed(at: person.At, answer: str) -> str:
        monkeypatch.setattr(at._desk, "drop", lambda _slot: None)  # typed just now
        keyboard.put(answer + "\n")
        return at.ask("lamp", "灯闪了几下？", "how many?")

    assert typed(person.at_keyboard("XC000001"), "3") == "3"
    assert [typed(person.at_keyboard("XC000002"), each) for each in "4562"] == list("4562")
    keyboard.put(None)
    said = capsys.readouterr()
    assert said.out == ""
    assert "灯闪了几下" in said.err


def test_a_question_is_given_up_when_nobody_can_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by a program without a keyboard."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(person.NobodyThereError):
        person.at_keyboard("XC000001").ask("lamp", "灯闪了几下？", "how many?")
