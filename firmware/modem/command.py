"""One AT command: what is sent, which lines answer it, what ended it.

In: a text and how its answer looks. Out: what it got, or an `ATError` that says why there is none.
Must never take a line that could be somebody else's.
"""

import asyncio

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    class How(TypedDict, total=False):
        """What a command may be told about its answer; `AT.command` says what each means."""

        prefix: str
        needs: bool
        bare: Callable[[str], bool]
        bare_ends: bool
        ok: tuple[str, ...]
        fail: tuple[str, ...]
        payload: bytes
        unless: Callable[[], bool]
        then: Callable[[], None]


# Priorities, best first. A lower number goes to the head of the queue; a running command is never cut.
EMERGENCY = const(0)  # dial, hang up, answer
VOICE = const(1)  # what a running call needs
CONTROL = const(2)  # registration, time, battery
DATA = const(3)  # sockets


class ATError(Exception):
    """A command without success. reason: timeout, reset, refused, full, closed, aborted, held."""

    def __init__(self, reason: str, text: str = "") -> None:
        self.reason = reason
        self.text = text
        super().__init__(reason + (" " + text if text else ""))

    def code(self) -> int:
        """Number of a `+CME ERROR: <n>`, or -1."""
        if not self.text.startswith("+CME ERROR:"):
            return -1
        try:
            return int(self.text[11:])
        except ValueError:
            return -1


class Command:
    """One command in the queue, and then what it got. `ok` and `fail` end it.

    What most commands do without is told by the class: each object has only what is its own.
    """

    # How its answer looks, as `AT.command` says.
    prefix = ""
    needs = False
    bare: "Callable[[str], bool] | None" = None
    bare_ends = False
    ok: "tuple[str, ...]" = ("OK",)
    fail: "tuple[str, ...]" = ()
    payload: "bytes | None" = None
    unless: "Callable[[], bool] | None" = None
    then: "Callable[[], None] | None" = None

    # What it got.
    lines: "list[str]" = []  # replaced, never changed: it is everybody's
    data = b""  # raw bytes, if any
    final = ""  # the line that ended it
    error: "ATError | None" = None

    sent = False
    prompted = False  # the modem waits for the payload
    aborted = False  # its caller wants it ended, and one character does that

    def __init__(self, text: str, deadline_s: float, priority: int) -> None:
        self.text = text
        self.deadline_s = deadline_s
        self.priority = priority
        self.done = asyncio.Event()

    def finish(self, error: "ATError | None" = None) -> None:
        """End it once; later endings change nothing."""
        if not self.done.is_set():
            self.error = error
            self.done.set()
            if error is None and self.then is not None:
                self.then()

    def take(self, line: str) -> bool:
        """Whether the line belongs to this command. Ends the command if the line is its result."""
        if matches(line, self.ok):
            if self.needs and not self.lines:
                return False  # the late result of an earlier command
            self.final = line
            self.finish()
        elif matches(line, self.fail) or line == "ERROR" or line.startswith(("+CME ERROR:", "+CMS ERROR:")):
            self.finish(ATError("refused", line))
        elif self.prefix and line.startswith(self.prefix):
            self.lines = self.lines + [line]
        elif self.bare is not None and self.bare(line):
            self.lines = self.lines + [line]
            if self.bare_ends:
                self.final = line
                self.finish()
        else:
            return False
        return True


def matches(line: str, patterns: "tuple[str, ...]") -> bool:
    """Whether a line is one of the patterns, or begins as one that ends in `*`."""
    for pattern in patterns:
        if line == pattern or (pattern.endswith("*") and line.startswith(pattern[:-1])):
            return True
    return False
