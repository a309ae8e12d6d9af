"""The technician, as the test sees one: somebody who is told things and types codes.

In: what to tell and to ask, by several boards at once. Out: what was typed, each answer to the board that asked.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S = 0.2  # whether the keyboard is gone
ANSWER_S = 300.0  # the technician may be at another board, and comes back


class NobodyThereError(Exception):
    """A question stayed without an answer."""


class Person(Protocol):
    """Who stands at one board."""

    def tell(self, what: str, chinese: str, english: str, **facts: object) -> None:
        """Something to do or to know. `what` names it for programs."""
        ...

    def ask(self, what: str, chinese: str, english: str) -> str:
        """What was typed. Raises NobodyThereError."""
        ...


class Desk:
    """All boards of a run and the one keyboard. Lines in: `answer`, or `slot answer` where there are several boards."""

    def __init__(self, slots: int, lines: TextIO, show: Callable[[str], None], *, as_json: bool = False) -> None:
        self._answers: list[queue.Queue[str]] = [queue.Queue() for _ in range(slots)]
        self._over = False  # nobody types any more
        self._lines = lines
        self._show = show
        self._as_json = as_json
        self._gate = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def person(self, slot: int, name: str) -> At:
        """Whoever stands at that board; slots count from 1."""
        return At(self, slot, name)

    def show(self, slot: int, name: str, texts: tuple[str, str], facts: dict[str, object]) -> None:
        """One line for a person, Chinese and English, or one object for a program."""
        with self._gate:
            if self._as_json:
                told = {"slot": slot, "board": name, "text": texts[0], **facts}
                self._show(json.dumps(told, ensure_ascii=False))
            else:
                head = f"[{slot} {name}] " if len(self._answers) > 1 else ""
                self._show(head + " / ".join(texts))

    def answer(self, slot: int) -> str:
        """The next line that is meant for this board."""
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline and not (self._over and self._answers[slot - 1].empty()):
            with suppress(queue.Empty):
                return self._answers[slot - 1].get(timeout=LOOK_S)
        raise NobodyThereError

    def drop(self, slot: int) -> None:
        """What was typed before a question answers nothing."""
        while not self._answers[slot - 1].empty():
            self._answers[slot - 1].get_nowait()

    def _read(self) -> None:
        for line in self._lines:
            words = line.split()
            if len(self._answers) == 1:
                self._answers[0].put(" ".join(words))
            elif len(words) > 1 and words[0].isdigit() and 0 < int(words[0]) <= len(self._answers):
                self._answers[int(words[0]) - 1].put(" ".join(words[1:]))
            elif words:
                self._show("请先输入板号，再输入答案 / the board's number first, then the answer")
        self._over = True


class At(Person):
    """The technician at one board of a desk."""

    def __init__(self, desk: Desk, slot: int, name: str) -> None:
        self._desk = desk
        self._slot = slot
        self._name = name

    def tell(self, what: str, chinese: str, english: str, **facts: object) -> None:
        """Show it."""
        self._desk.show(self._slot, self._name, (chinese, english), {"what": what, **facts})

    def ask(self, what: str, chinese: str, english: str) -> str:
        """Show it, and take the next answer for this board."""
        self._desk.drop(self._slot)
        self._desk.show(self._slot, self._name, (chinese, english), {"what": what, "ask": True})
        return self._desk.answer(self._slot)


@lru_cache(maxsize=1)
def _keyboard() -> Desk:
    """One for all boards of a batch, one after the other: two would take each other's answers."""
    return Desk(1, sys.stdin, lambda text: print(text, file=sys.stderr, flush=True))


def at_keyboard(name: str) -> At:
    """One board, this terminal's keyboard and screen: standard error, for standard output is for the result."""
    return _keyboard().person(1, name)
