"""The switches of a test: one command per line in, `ok …` or `error …` out.

It changes the world around the modem (network, SIM, supply) and never speaks on its serial line by itself.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from tools.modem import script
from tools.modem.fault_kinds import FaultError
from tools.modem.speech import MAX_FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.core import Modem

MAX_LINE = 1000  # characters of one control line; longer ones are an error of the caller
MAX_PRESS_MS = 120_000


class RefusedError(ValueError):
    """The command cannot be carried out."""


def execute(modem: Modem, line: str) -> str:
    """One control line, answered in one line."""
    try:
        words = shlex.split(line)
        handler = _COMMANDS.get(words[0] if words else "", _unknown)
        answer = handler(modem, words[1:])
    except ValueError as error:
        return f"error {' '.join(str(error).split())}"
    return f"ok {answer}" if answer else "ok"


def status(modem: Modem) -> dict[str, object]:
    """The modem in a few words."""
    call = modem.voice.call
    return {
        "power": modem.powered,
        "supply": modem.lines.supplied,
        "status": modem.running,
        "mux": None if modem.mux is None else sorted(modem.mux.channels),
        "awake": modem.awake,
        "registered": modem.radio.registered,
        "registration": modem.radio.coverage,
        "attached": modem.radio.attached,
        "sim": modem.radio.sim,
        "data": modem.data.service,
        "state": modem.data.state(),
        "suspended": modem.data.suspended,
        "call": None if call is None else {"id": call.record.id, "number": call.number, "stat": call.stat},
        "silent": modem.silent,
        "blocks": modem.blocks,
        "traffic": {"up": modem.data.traffic.up, "down": modem.data.traffic.down},
        "dropped": dict(modem.dropped),
        "faults": modem.faults.tally(),
    }


def _unknown(modem: Modem, words: list[str]) -> str:
    del modem, words
    raise RefusedError(f"unknown command: one of {', '.join(_COMMANDS)}")


def _one_of(words: list[str], *choices: str) -> str:
    if len(words) != 1 or words[0] not in choices:
        raise RefusedError(f"one of {', '.join(choices)}")
    return words[0]


def _option(words: list[str], name: str) -> float | None:
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key == name:
            return float(value)
    return None


def _number(modem: Modem, words: list[str]) -> str:
    number, plan = script.words(words)
    modem.network.set_plan(number, plan)
    return ""


def _call(modem: Modem, words: list[str]) -> str:
    if not words:
        raise RefusedError("call NUMBER [seconds=30] [talk=S]")
    number = "" if words[0] == "withheld" else words[0]
    if number:
        script.check_number(number)
    seconds = _option(words[1:], "seconds")
    return modem.voice.ring(number, 30.0 if seconds is None else seconds, _option(words[1:], "talk"))


def _happen(modem: Modem, what: str) -> str:
    if not modem.voice.happen(what):
        raise RefusedError("no call in that state")
    return ""


def _sms(modem: Modem, words: list[str]) -> str:
    if len(words) != 2:
        raise RefusedError('sms NUMBER "TEXT"')
    if not modem.sms.deliver(words[0], words[1]):
        raise RefusedError("it cannot arrive")
    return ""


def _tally(modem: Modem, words: list[str]) -> str:
    del words
    return json.dumps(modem.network.tally(), ensure_ascii=False)


def _registration(modem: Modem, words: list[str]) -> str:
    choice = _one_of(words, "on", "off", "denied")
    modem.radio.set_coverage("on" if choice == "on" else "off" if choice == "off" else "denied")
    return ""


def _data(modem: Modem, words: list[str]) -> str:
    choice = _one_of(words, "on", "off", "deact", "blackhole")
    if choice == "deact":
        modem.data.deactivate()
    else:
        modem.data.set_service("on" if choice == "on" else "off" if choice == "off" else "blackhole")
    return ""


def _power(modem: Modem, words: list[str]) -> str:
    choice = _one_of(words, "on", "off", "cycle")
    if choice == "on":
        modem.power_on()
    elif choice == "off":
        modem.power_off()
    else:
        modem.restart("cycle")
    return ""


def _sim(modem: Modem, words: list[str]) -> str:
    modem.radio.set_sim(_one_of(words, "out", "in") == "in")
    return ""


def _silence(modem: Modem, words: list[str]) -> str:
    modem.silent = _one_of(words, "on", "off") == "on"
    return ""


def _signal(modem: Modem, words: list[str]) -> str:
    if len(words) != 1 or not (words[0] == "99" or 0 <= int(words[0]) <= 31):
        raise RefusedError("csq 0-31, or 99")
    modem.radio.signal = int(words[0])
    return ""


def _battery(modem: Modem, words: list[str]) -> str:
    millivolt, percent = (int(word) for word in words)
    if not (0 <= millivolt <= 6000 and 0 <= percent <= 100):
        raise RefusedError("battery MILLIVOLT PERCENT")
    modem.battery = (millivolt, percent)
    return ""


def _undervoltage(modem: Modem, words: list[str]) -> str:
    if words and _one_of(words, "down"):
        modem.urc("UNDER-VOLTAGE POWER DOWN")
        modem.power_off("undervoltage")
    else:
        modem.urc("UNDER-VOLTAGE WARNNING")
    return ""


def _nitz(modem: Modem, words: list[str]) -> str:
    choice = _one_of(words, "on", "off", "now")
    if choice == "now":
        modem.radio.send_time()
    else:
        modem.radio.nitz = choice == "on"
    return ""


def _block(modem: Modem, words: list[str]) -> str:
    if len(words) != 2 or not 0 <= float(words[1]) <= 3600:
        raise RefusedError("block COMMAND SECONDS")
    modem.blocks[words[0].upper().removeprefix("AT")] = float(words[1])
    return ""


def _switch(name: str) -> Callable[[Modem, list[str]], str]:
    """A command `on|off` for an attribute of the modem."""

    def turn(modem: Modem, words: list[str]) -> str:
        setattr(modem, name, _one_of(words, "on", "off") == "on")
        return ""

    return turn


def _pwrkey(modem: Modem, words: list[str]) -> str:
    if len(words) != 1 or not 0 < float(words[0]) <= MAX_PRESS_MS:
        raise RefusedError("pwrkey MILLISECONDS")
    modem.pwrkey_down()
    modem.timers.after(float(words[0]) / 1000, modem.pwrkey_up, lasting=True)
    return ""


def _supply(modem: Modem, words: list[str]) -> str:
    modem.supply(_one_of(words, "on", "off") == "on")
    return ""


def _file(modem: Modem, words: list[str]) -> str:
    if len(words) != 2 or not 0 < float(words[1]) <= 3600 or len(modem.speech.files) >= MAX_FILES:
        raise RefusedError("file NAME SECONDS")
    modem.speech.files[words[0].lower()] = float(words[1])
    return ""


def _baud(modem: Modem, words: list[str]) -> str:
    if len(words) != 1 or not modem.registers.set("+IPR", (words[0],)):
        raise RefusedError("baud RATE, 0 to 460800")
    modem.registers.keep("+IPR")
    return ""


def _fault(modem: Modem, words: list[str]) -> str:
    if not words:
        raise RefusedError("fault KIND [seconds=S|forever] [name=value]")
    options = dict(script.named(words[1:]))
    seconds = script.lasting(options.pop("seconds", None))
    try:
        lasts = modem.faults.start(words[0], options, seconds)
    except FaultError as error:
        raise RefusedError(str(error)) from None
    return "forever" if lasts == float("inf") else f"{lasts:.3f}"


def _heal(modem: Modem, words: list[str]) -> str:
    if len(words) != 1:
        raise RefusedError("heal KIND, or all")
    if words[0] == "all":
        modem.faults.heal_all()
    elif not modem.faults.heal(words[0]):
        raise RefusedError("it does not stand")
    return ""


def _status(modem: Modem, words: list[str]) -> str:
    del words
    return json.dumps(status(modem), ensure_ascii=False)


_COMMANDS: dict[str, Callable[[Modem, list[str]], str]] = {
    "number": _number,
    "call": _call,
    "answer": lambda modem, _: _happen(modem, "answered"),
    "hangup": lambda modem, _: _happen(modem, "NO CARRIER"),
    "dtmf": lambda modem, words: _happen(modem, f"dtmf {_one_of(words, *'0123456789ABCD*#')}"),
    "sms": _sms,
    "calls": _tally,
    "registration": _registration,
    "data": _data,
    "power": _power,
    "sim": _sim,
    "silence": _silence,
    "csq": _signal,
    "battery": _battery,
    "undervoltage": _undervoltage,
    "nitz": _nitz,
    "block": _block,
    "worst": _switch("worst"),
    "cmux": _switch("cmux"),
    "pwrkey": _pwrkey,
    "supply": _supply,
    "baud": _baud,
    "file": _file,
    "fault": _fault,
    "heal": _heal,
    "status": _status,
}
