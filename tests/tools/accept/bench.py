"""A board and a technician made by hand: what the board answers is a table, what the technician types a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tools.accept.parts import Bench, caller_proof
from tools.accept.plan import Wanted
from tools.accept.session import Session

KEYS = ("sos", "k1", "cancel")
NUMBER, TEST_PHONE = "13800000001", "13800000002"
PROOF_KEY = b"a key of tests"
WELL = {
    "ready": True, "sim": True, "iccid": "89860000000000000001", "imei": "860000000000001", "reg": 1, "csq": 20,
    "modem": "SIM800C", "can": ["tts"], "cell_mv": 3_900, "mains": 1, "levels": [False, False, False], "online": True,
}  # fmt: skip


def wanted(**more: Any) -> Wanted:
    """The terminal that WELL describes."""
    fields: dict[str, Any] = {
        "device_id": "XC0001", "iccid": WELL["iccid"], "imei": WELL["imei"], "test_number": TEST_PHONE,
        "caller_proof": caller_proof(PROOF_KEY, NUMBER), "proof_key": PROOF_KEY,
    }  # fmt: skip
    return Wanted(**(fields | more))


class Board:
    """Answers commands; `facts` may be changed, `on` says what happens after a command or a word to the technician."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = dict(WELL)
        self.heard: list[dict[str, Any]] = []
        self.out = b""
        self.dead = False
        self.silent: set[str] = set()

    def happens(self, ev: str, **fields: Any) -> None:
        """An event."""
        self.out += json.dumps({"ev": ev, **fields}).encode() + b"\r\n"

    def write(self, data: bytes) -> None:
        """A command comes."""
        if self.dead:
            raise OSError("gone")
        asked = json.loads(data)
        self.heard.append(asked)
        if asked["do"] in self.silent:
            return
        answer = {"n": asked["n"], "ok": 1}
        if asked["do"] == "facts":
            answer |= self.facts
        elif asked["do"] == "press":
            answer["id"] = "a.1.9"
        elif asked["do"] == "speak":
            answer["done"] = True
        self.out += json.dumps(answer).encode() + b"\r\n"
        if asked["do"] == "dial":
            self.happens("call", step="talk", cause=None)
        elif asked["do"] == "press":
            self.happens("receipt", ids=["a.1.9"])

    def read_waiting(self) -> bytes:
        """What it said."""
        if self.dead:
            raise OSError("gone")
        data, self.out = self.out, b""
        return data

    def last(self, do: str) -> dict[str, Any]:
        """The latest command of that name."""
        return next(one for one in reversed(self.heard) if one["do"] == do)


class Technician:
    """Does what it is told, well, unless told otherwise through `types` (answers by question) and `ignores`."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.types: dict[str, Callable[[], str]] = {
            "lamp": lambda: str(board.last("lamp")["count"]),
            "buzzer": lambda: str(board.last("beep")["count"]),
            "speaker": lambda: board.last("speak")["text"][-1],
            "caller": lambda: NUMBER,
            "again": lambda: "x",
        }
        self.ignores: set[str] = set()
        self.told: list[str] = []
        self.presses: Callable[[str], str] = lambda key: key

    def tell(self, what: str, chinese: str, english: str, **facts: Any) -> None:
        """Does it."""
        self.told.append(what)
        if what in self.ignores:
            return
        if what in ("press", "wrong_key"):
            key = self.presses(facts["key"])
            for edge in ("press", "release"):
                self.board.happens("key", what=edge, key=key)
        elif what == "mains":
            self.board.facts["mains"] = facts["on"]
            self.board.happens("mains", on=facts["on"])

    def ask(self, what: str, chinese: str, english: str) -> str:
        """Types it."""
        self.told.append("?" + what)
        return self.types[what]()


class Clock:
    """Time passes by a second with each look, so that nothing is waited for in vain."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def bench(board: Board, technician: Technician, **more: Any) -> Bench:
    """A test about to begin."""
    log: list[str] = []
    return Bench(Session(board, log.append, Clock()), technician, wanted(**more), KEYS)
