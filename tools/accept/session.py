"""One conversation with the board's half of the test: commands down, answers and events up.

In: a transport with a serial port whose board runs on_board.py. Out: answers as dicts, events in the order in which
they came. Must never wait without a limit, and tells a cable that was pulled from a board that says no.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).with_name("on_board.py")
ANSWER_S = 30.0  # the longest a command of ours takes on the board: a modem that is asked for its identity
LINE_MAX = 4_096
NAP_S = 0.01


class BrokenError(Exception):
    """The conversation is over: the cable, or the board."""


class RefusedError(Exception):
    """The board's half could not do it; the text is the board's own."""


class Wire(Protocol):
    """Bytes to and from a console."""

    def read_waiting(self) -> bytes:
        """What has come; b"" if nothing has. Raises OSError."""
        ...

    def write(self, data: bytes) -> None:
        """All bytes. Raises OSError."""
        ...


class Session:
    """Start the script first. `log` gets every line in both directions."""

    def __init__(self, wire: Wire, log: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.keys: tuple[str, ...] = ()  # of the board, in its order
        self._wire = wire
        self._log = log
        self._clock = clock
        self._number = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}

    def ask(self, do: str, limit_s: float = ANSWER_S, **words: Any) -> dict[str, Any]:
        """The answer to one command. Raises RefusedError or BrokenError."""
        number = self.begin(do, **words)
        deadline = self._clock() + limit_s
        while number not in self._answers:
            if not self._read() and self._clock() > deadline:
                raise BrokenError(f"no answer to {do}")
        answer = self._answers.pop(number)
        if not answer.get("ok"):
            raise RefusedError(str(answer.get("why")))
        return answer

    def begin(self, do: str, **words: Any) -> int:
        """Send a command whose answer is not waited for; its number."""
        self._number += 1
        line = json.dumps({"n": self._number, "do": do, **words})
        self._log("> " + (do if do == "dial" else line))  # a number that is dialled is in no log
        try:
            self._wire.write(line.encode() + b"\n")
        except OSError as error:
            raise BrokenError(str(error)) from None
        return self._number

    def event(self, wanted: Callable[[dict[str, Any]], bool], limit_s: float) -> dict[str, Any] | None:
        """The first event that is wanted, among those that came and those to come; None when the time is up.

        Events before it are dropped: a step that has begun to wait for a key is not answered by an older one.
        """
        deadline = self._clock() + limit_s
        while True:
            while self._events:
                one = self._events.pop(0)
                if wanted(one):
                    return one
            if not self._read() and self._clock() > deadline:
                return None

    def forget(self) -> None:
        """Whatever has come until now answers nothing that is asked from here on."""
        self._read()
        self._events.clear()

    def _read(self) -> bool:
        """Take what has come; False, after a nap, if nothing had."""
        try:
            data = self._wire.read_waiting()
        except OSError as error:
            raise BrokenError(str(error)) from None
        if not data:
            time.sleep(NAP_S)
            return False
        self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > LINE_MAX:
            raise BrokenError("not the test's words on the console")
        for line in lines:
            self._take(line.strip(b"\r\x04> "))
        return True

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line)
        except ValueError:
            self._log("? " + line.decode("utf-8", "replace"))
            if line.startswith(b"Traceback") or b"Error:" in line:
                raise BrokenError(line.decode("utf-8", "replace")) from None
            return
        if not isinstance(told, dict):
            return
        self._log("< " + line.decode())
        if "ev" in told:
            self._events.append(told)
        elif isinstance(told.get("n"), int):
            self._answers[told["n"]] = told
