"""The script of the telephone network: a TOML file, or one line of it at the control socket, into plans.

In: text. Out: plans by number. ScriptError says what is wrong and where; nothing is taken from a bad script.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from tools.modem.network import KINDS, Plan

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")
_KEYS = re.compile(r"[0-9A-D*#]*")
_SECONDS = ("after", "talk", "ring", "dtmf_after")
# A mailbox picks up after a few rings and speaks its greeting.
_VOICEMAIL = {"after": 5.0, "talk": 20.0}


class ScriptError(ValueError):
    """The script cannot be followed."""


def plan(kind: str, options: dict[str, Any]) -> Plan:
    """One number's plan from its kind and options; ScriptError if they make no sense."""
    known = next((one for one in KINDS if one == kind), None)
    if known is None:
        raise ScriptError(f"unknown kind {kind!r}: one of {', '.join(KINDS)}")
    values: dict[str, Any] = dict(_VOICEMAIL) if known == "voicemail" else {}
    for name, value in options.items():
        if name in _SECONDS:
            values[name] = _seconds(name, value)
        elif name == "dtmf":
            if not _KEYS.fullmatch(str(value)):
                raise ScriptError("dtmf: keys are 0-9, A-D, * and #")
            values[name] = str(value)
        else:
            raise ScriptError(f"unknown option {name!r}")
    return Plan(known, **values)


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise ScriptError(f"{name}: seconds are a number") from None
    if not 0 <= seconds <= 86_400:
        raise ScriptError(f"{name}: seconds lie between 0 and a day")
    return seconds


def words(text: list[str]) -> tuple[str, Plan]:
    """`01055500001 answer after=3 talk=8` as number and plan."""
    if len(text) < 2:
        raise ScriptError("a number and a kind are needed")
    number, kind, *rest = text
    check_number(number)
    options: dict[str, Any] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals:
            raise ScriptError(f"{word!r} is not name=value")
        options[name] = value
    return number, plan(kind, options)


def check_number(number: str) -> None:
    """A telephone number or `default`."""
    if number != "default" and not _NUMBER.fullmatch(number):
        raise ScriptError(f"{number!r} is not a number")


def load(path: Path) -> dict[str, Plan]:
    """A script file: table [default] and tables [numbers.<number>], each with `kind` and its options."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from None
    plans = {}
    tables = tree.pop("numbers", {})
    if not isinstance(tables, dict):
        raise ScriptError(f"{path}: numbers is a table of tables")
    if "default" in tree:
        tables["default"] = tree.pop("default")
    if tree:
        raise ScriptError(f"{path}: unknown table {next(iter(tree))!r}")
    for number, table in tables.items():
        try:
            check_number(number)
            options = dict(table)
            plans[number] = plan(str(options.pop("kind", "answer")), options)
        except (ScriptError, TypeError, ValueError) as error:
            raise ScriptError(f"{path}: {number}: {error}") from None
    return plans
