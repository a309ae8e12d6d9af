"""The grammar of a command line: text after AT in, requests out. It never runs anything.

Basic commands (`E0`, `&W`, `D…;`), S registers and extended ones (`+CREG=2`), joined on one line as V.25ter allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_COMMANDS = 39  # on one line, from the vendor's manual

_EXTENDED = re.compile(r"[+*][A-Z][A-Z0-9]*", re.IGNORECASE)
_REGISTER = re.compile(r"S\d+", re.IGNORECASE)
_BASIC = re.compile(r"(&?[A-Z])(\d*)", re.IGNORECASE)


class BadLineError(ValueError):
    """The command line does not follow the grammar."""


@dataclass(frozen=True)
class Request:
    """One command: `form` is exec, read, write or test; arguments without their quotes."""

    name: str
    form: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What goes back: lines, raw bytes after them, the final result, and what happens right after it.

    `final` None means that a prompt stands now, and the result follows the payload. `after` is modem time in seconds.
    """

    lines: tuple[str, ...] = ()
    final: str | None = "OK"
    raw: bytes | None = None
    after: float = 0.0
    then: Callable[[], None] | None = field(default=None, compare=False)


OK = Answer()
ERROR = Answer(final="ERROR")


def split(body: str) -> list[Request]:
    """The requests of one line; BadLineError if any part of it is not one."""
    requests: list[Request] = []
    rest = body.strip()
    while rest:
        if len(requests) >= MAX_COMMANDS:
            raise BadLineError("too many commands")
        request, rest = _first(rest)
        requests.append(request)
        rest = rest.lstrip("; ")
    return requests


def _first(text: str) -> tuple[Request, str]:
    if text[0] in "Dd":
        return Request("D", "exec", (text[1:].strip(),)), ""
    found = _EXTENDED.match(text) or _REGISTER.match(text)
    if found:
        return _with_form(found.group().upper(), text[found.end() :])
    found = _BASIC.match(text)
    if not found:
        raise BadLineError("not a command")
    return Request(found.group(1).upper(), "exec", (found.group(2) or "0",)), text[found.end() :]


def _with_form(name: str, text: str) -> tuple[Request, str]:
    if text.startswith("=?"):
        return Request(name, "test"), _separated(text[2:])
    if text.startswith("?"):
        return Request(name, "read"), _separated(text[1:])
    if text.startswith("="):
        args, rest = _arguments(text[1:])
        return Request(name, "write", args), rest
    return Request(name, "exec"), _separated(text)


def _separated(rest: str) -> str:
    rest = rest.lstrip()
    if rest and not rest.startswith(";"):
        raise BadLineError("a semicolon is missing")
    return rest


def _arguments(text: str) -> tuple[tuple[str, ...], str]:
    """The comma-separated arguments up to an unquoted semicolon, and what stands behind it."""
    args = [""]
    quoted = False
    for position, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            return tuple(args), text[position:]
        elif char == "," and not quoted:
            args.append("")
        elif quoted or char != " ":
            args[-1] += char
    if quoted:
        raise BadLineError("a quote is not closed")
    return tuple(args), ""
