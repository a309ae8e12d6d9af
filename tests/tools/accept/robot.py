"""A technician made of wire: presses the emulated board's keys, counts its lamp and beeps, holds a phone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tools.chip import Chip
from tools.modem import control

if TYPE_CHECKING:
    from collections.abc import Callable

PRESSED_MS = 500  # a calm finger; twenty boards on two processors may each look away for a tenth of a second or two


class Robot:
    """One board. Does what it is told as soon as it is told; `number` is what the test phone shows."""

    def __init__(self, chip: Chip, number: str) -> None:
        self.chip = chip
        self.number = number
        self.told: list[str] = []
        self._lamp = self._buzzer = self._spoken = 0

    def tell(self, what: str, chinese: str, english: str, **facts: Any) -> None:
        """An instruction."""
        self.told.append(chinese)
        self._mark()
        if what == "press":
            self._soon(lambda: self.chip.press(facts["key"], PRESSED_MS))
        elif what == "mains":
            self._soon(lambda: self.chip.mains(on=bool(facts["on"])))
        elif what == "count_beeps":
            self._soon(self._count_beeps)

    def ask(self, what: str, chinese: str, english: str) -> str:
        """A question; what was shown has been seen by now."""
        self.told.append(chinese)
        answers: dict[str, Callable[[], str]] = {
            "lamp": lambda: str(self.chip.lamp.count(self._lamp)),
            "buzzer": lambda: str(self.chip.buzzer.count(self._buzzer)),
            "speaker": lambda: str([one["text"] for one in self.chip.events if one["ev"] == "speak"][-1][-1]),
            "caller": lambda: self.number,
            "again": lambda: "x",
        }
        answer = answers[what]()
        self._mark()
        return answer

    def _mark(self) -> None:
        self._lamp, self._buzzer = len(self.chip.lamp.changes), len(self.chip.buzzer.changes)

    def _count_beeps(self) -> None:
        """Beeps, until it has been quiet for longer than between two."""
        since = self._buzzer
        self.chip.wait(lambda: self.chip.buzzer.count(since) > 0)
        while self._another():
            pass
        heard = self.chip.buzzer.count(since)
        runner = self.chip.runner
        self.chip._do(lambda: runner.tell(lambda: self._type(f"dtmf {heard}")))

    def _type(self, what: str) -> None:
        control.execute(self.chip.runner.modem, what)

    def _another(self) -> bool:
        count = len(self.chip.buzzer.changes)
        return self.chip.wait(lambda: len(self.chip.buzzer.changes) != count, 1.0)

    def _soon(self, do: Callable[[], None]) -> None:
        threading.Thread(target=do, daemon=True).start()
