"""Transcripts pin the dialect: what each command says in success, in failure and by itself, byte for byte.

Written from the vendor's manual, in a form of our own. Each `==` is a fresh modem, on, registered and without echo:
`> ` a command line, `>> ` bytes (escapes as in Python), `* ` a control command, `! ` the other end of the connection,
`~ ` seconds pass, `= connected` a connection stands, `= sim800l` it is that module; then what comes out: `< ` a framed
line, `<| ` bytes.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.tools.modem.bench import Bench
from tools.modem.models import MODELS

COMMAND = re.compile(r"AT(\+[A-Z]+|&[A-Z]|[ADEHV])")
ELSEWHERE = {"AT+CMUX"}  # frames follow it: it has tests of its own
FOLDER = Path(__file__).parent / "transcripts"


def stories() -> list[tuple[str, list[str]]]:
    """Every part of every transcript: its name and its lines."""
    found: list[tuple[str, list[str]]] = []
    for path in sorted(FOLDER.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("== "):
                found.append((f"{path.stem}: {line[3:]}", []))
            elif line and not line.startswith("#"):
                found[-1][1].append(line)
    return found


STORIES = stories()


def raw(text: str) -> bytes:
    r"""`\r\n` and `\x1a` as the bytes that they mean."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def act(bench: Bench, sign: str, text: str) -> None:
    """One line of a transcript that does something."""
    if sign == ">":
        bench.feed(text.encode("latin-1") + b"\r")
    elif sign == ">>":
        bench.feed(raw(text))
    elif sign == "*":
        assert bench.control(text).startswith("ok")
    elif sign == "~":
        bench.sleep(float(text))
    elif sign == "=" and text in MODELS:
        bench.modem.model = MODELS[text]
    elif sign == "=":
        bench.connect()
        bench.out()
    elif text == "close":
        bench.pipes[-1].connection.closed()
    elif text == "refuse":
        bench.refuse_connections = True
    else:
        bench.pipes[-1].connection.received(raw(text))


@pytest.mark.parametrize("lines", [lines for _, lines in STORIES], ids=[name for name, _ in STORIES])
def test_the_modem_says_what_the_manual_says(lines: list[str]) -> None:
    """Replays one part: nothing more and nothing less comes out at each step."""
    bench = Bench()
    expected = b""
    for number, line in enumerate(lines):
        sign, _, text = line.partition(" ")
        if sign in {"<", "<|"}:
            expected += b"\r\n" + raw(text) + b"\r\n" if sign == "<" else raw(text)
            if number + 1 < len(lines) and lines[number + 1].startswith("<"):
                continue
            assert bench.out() == expected, f"before line {number + 1}: {lines[: number + 1]}"
            expected = b""
        else:
            act(bench, sign, text)
            if number + 1 == len(lines) or (sign != "~" and lines[number + 1][:2] in {"> ", "* ", "! "}):
                assert bench.out() == b"", f"behind {line}"


def test_every_command_that_the_firmware_uses_is_in_a_transcript() -> None:
    """Pins that a new command of the driver brings its manual page with it."""
    sources = Path(__file__).parents[3] / "firmware" / "modem"
    told = "\n".join(line for _, lines in STORIES for line in lines)
    used = set()
    for path in sources.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                command = COMMAND.match(node.value)
                if command:
                    used.add(command.group())
    assert len(used) > 25
    assert sorted(name for name in used - ELSEWHERE if name[2:] not in told) == []
