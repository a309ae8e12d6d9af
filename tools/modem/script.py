"""The script of the telephone network and of the faults: a TOML file, or one line of it at the control socket.

In: text. Out: plans and people by number, and faults. ScriptError says what is wrong and where; nothing is taken from a
bad script.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.modem.fault_kinds import KINDS as FAULTS
from tools.modem.faults import RATE, Entry, Faults
from tools.modem.network import Network
from tools.modem.people import BEHAVIOURS, KINDS, Human, Plan

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")
_KEYS = re.compile(r"[0-9A-D*#]*")
_SECONDS = ("after", "talk", "ring", "dtmf_after", "calls_back")
_ON = re.compile(r"[a-z_]{1,20}|[A-Z&]|\+[A-Z]{1,12}")  # an event or a command
# A mailbox picks up after a few rings and speaks its greeting.
_VOICEMAIL = {"after": 5.0, "talk": 20.0}
MAX_TIMES = 1_000_000  # of one fault of the script
MAX_RATE = 36_000.0  # faults in an hour: ten in a second
MAX_WEIGHT = 1e6  # of one behaviour in a mix


class ScriptError(ValueError):
    """The script cannot be followed."""


@dataclass(frozen=True)
class Script:
    """All of one file."""

    plans: dict[str, Plan | Human] = field(default_factory=dict)
    faults: tuple[Entry, ...] = ()
    seed: int = 0

    def network(self) -> Network:
        """A telephone network that follows it."""
        network = Network(seed=self.seed)
        for number, what in self.plans.items():
            network.set_plan(number, what)
        return network


def drawn(text: str, entries: tuple[Entry, ...] = ()) -> Faults:
    """`SEED` or `SEED:FAULTS-AN-HOUR` as random faults, beside those of a script; empty: none at random."""
    if not text:
        return Faults(script=entries)
    seed, colon, rate = text.partition(":")
    try:
        faults_an_hour = float(rate) if colon else RATE
        number = int(seed)
    except ValueError:
        raise ScriptError("faults: SEED or SEED:FAULTS-AN-HOUR") from None
    if not 0 <= faults_an_hour <= MAX_RATE:
        raise ScriptError(f"faults: up to {MAX_RATE:.0f} an hour")
    return Faults(random.Random(number), faults_an_hour, script=entries)


def plan(kind: str, options: dict[str, Any]) -> Plan | Human:
    """One number's plan from its kind and options; ScriptError if they make no sense."""
    if kind == "human":
        return human(options)
    known = next((one for one in KINDS if one == kind), None)
    if known is None:
        raise ScriptError(f"unknown kind {kind!r}: one of {', '.join(KINDS)}, human")
    values: dict[str, Any] = dict(_VOICEMAIL) if known == "voicemail" else {}
    for name, value in options.items():
        if name in _SECONDS:
            values[name] = _seconds(name, value)
        elif name == "dtmf":
            values[name] = _keys(value)
        elif name == "drops":
            values[name] = value in (True, "true", "1")
        else:
            raise ScriptError(f"unknown option {name!r}")
    return Plan(known, **values)


def human(options: dict[str, Any]) -> Human:
    """A person: `calls` as a list or as words with slashes, `mix` as a table, `key`."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name == "calls":
            values[name] = _calls(value)
        elif name == "mix":
            values[name] = _mix(value)
        elif name == "key" and len(str(value)) == 1:
            values[name] = _keys(value)
        else:
            raise ScriptError(f"unknown option {name!r}")
    return Human(**values)


def _calls(value: Any) -> tuple[str, ...]:
    names = tuple(value.split("/") if isinstance(value, str) else value if isinstance(value, list) else ())
    if not names or any(name not in BEHAVIOURS for name in names):
        raise ScriptError(f"calls: one or more of {', '.join(BEHAVIOURS)}")
    return names


def _mix(value: Any) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, dict) or any(name not in BEHAVIOURS for name in value):
        raise ScriptError(f"mix: weights of {', '.join(BEHAVIOURS)}")
    try:
        weights = tuple((name, float(weight)) for name, weight in value.items())
    except (TypeError, ValueError):
        raise ScriptError("mix: weights are numbers") from None
    if not all(0 <= weight <= MAX_WEIGHT for _, weight in weights) or not any(weight for _, weight in weights):
        raise ScriptError("mix: weights are not negative, and one is more than 0")
    return weights


def _keys(value: Any) -> str:
    if not _KEYS.fullmatch(str(value)):
        raise ScriptError("dtmf: keys are 0-9, A-D, * and #")
    return str(value)


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise ScriptError(f"{name}: seconds are a number") from None
    if not 0 <= seconds <= 86_400:
        raise ScriptError(f"{name}: seconds lie between 0 and a day")
    return seconds


def entry(options: dict[str, Any]) -> Entry:
    """One fault of a script from its table."""
    rest = dict(options)
    kind = str(rest.pop("kind", ""))
    if kind not in FAULTS:
        raise ScriptError(f"unknown fault {kind!r}: one of {', '.join(FAULTS)}")
    at, on, times = rest.pop("at", None), rest.pop("on", None), rest.pop("times", 1)
    if (at is None) == (on is None):
        raise ScriptError(f"{kind}: say `at` or `on`")
    if on is not None and not (isinstance(on, str) and _ON.fullmatch(on)):
        raise ScriptError(f"{kind}: on is an event or a command")
    if not isinstance(times, int) or not 0 < times <= MAX_TIMES:
        raise ScriptError(f"{kind}: times is a whole number")
    after, seconds = _seconds("after", rest.pop("after", 0.0)), lasting(rest.pop("seconds", None))
    unknown = sorted(set(rest) - set(FAULTS[kind].options))
    if unknown:
        raise ScriptError(f"{kind}: unknown option {unknown[0]!r}")
    return Entry(kind, rest, seconds, None if at is None else _seconds("at", at), on, after, times)


def lasting(value: Any) -> float | None:
    """How long a fault stays: seconds, `forever`, or None for a drawn time."""
    return None if value is None else math.inf if value == "forever" else _seconds("seconds", value)


def words(text: list[str]) -> tuple[str, Plan | Human]:
    """`01055500001 answer after=3 talk=8` as number and plan."""
    if len(text) < 2:
        raise ScriptError("a number and a kind are needed")
    number, kind, *rest = text
    check_number(number)
    return number, plan(kind, named(rest))


def named(text: list[str]) -> dict[str, str]:
    """`after=3 talk=8` as a table."""
    options: dict[str, str] = {}
    for word in text:
        name, equals, value = word.partition("=")
        if not equals:
            raise ScriptError(f"{word!r} is not name=value")
        options[name] = value
    return options


def check_number(number: str) -> None:
    """A telephone number or `default`."""
    if number != "default" and not _NUMBER.fullmatch(number):
        raise ScriptError(f"{number!r} is not a number")


def load(path: Path) -> Script:
    """A file: `seed`, table [default], tables [numbers.<number>] with `kind` and its options, tables [[faults]]."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from None
    tables, faults, seed = tree.pop("numbers", {}), tree.pop("faults", []), tree.pop("seed", 0)
    if not isinstance(tables, dict) or not isinstance(faults, list) or not isinstance(seed, int):
        raise ScriptError(f"{path}: numbers is a table of tables, faults are tables, seed is a whole number")
    if "default" in tree:
        tables["default"] = tree.pop("default")
    if tree:
        raise ScriptError(f"{path}: unknown table {next(iter(tree))!r}")
    plans: dict[str, Plan | Human] = {}
    where = ""
    try:
        for where, table in tables.items():
            check_number(where)
            options = dict(table)
            plans[where] = plan(str(options.pop("kind", "answer")), options)
        entries = []
        for place, table in enumerate(faults):
            where = f"fault {place + 1}"
            entries.append(entry(dict(table)))
    except (ScriptError, TypeError, ValueError) as error:
        raise ScriptError(f"{path}: {where}: {error}") from None
    return Script(plans, tuple(entries), seed)
