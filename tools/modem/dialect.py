"""The command table: which function answers which command, then the registers, then ERROR.

In: one request. Out: its answer, or None if the answer comes later. Rooms add their commands here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.modem import data, general, radio, sms, speech, voice
from tools.modem.settings import SETTINGS, allowed, shown
from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel

Handler = Callable[["Channel", Request], Answer | None]


@dataclass(frozen=True)
class Identity:
    """The numbers printed on the module and its card, and where the card's home is."""

    imei: str = "860000000000017"
    imsi: str = "460040000000001"
    iccid: str = "89860400000000000001"
    address: str = "10.0.0.2"
    lac: str = "10A1"
    ci: str = "2B02"


# (command, form): function.
COMMANDS: dict[tuple[str, str], Handler] = {
    **general.COMMANDS,
    **radio.COMMANDS,
    **voice.COMMANDS,
    **sms.COMMANDS,
    **data.COMMANDS,
    **speech.COMMANDS,
}

_NAMES = {name for name, _ in COMMANDS}

# The texts of AT+CMEE=2, for the codes that this modem gives.
_CME_TEXTS = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    30: "no network service",
    50: "incorrect parameters",
}


def run(at: Channel, request: Request) -> Answer | None:
    """Answer one request of a channel."""
    handler = COMMANDS.get((request.name, request.form))
    if (request.name, request.form) in data.COMMANDS:
        at.modem.data.at = at
    if handler is not None:
        return handler(at, request)
    if request.name in SETTINGS:
        return _register(at, request)
    if request.form == "test" and request.name in _NAMES:
        return OK
    return ERROR


def _register(at: Channel, request: Request) -> Answer:
    """A command that only sets or shows a value."""
    name = request.name
    if request.form == "read":
        return Answer((shown(name, at.registers.text(name)),))
    if request.form == "test":
        return Answer((allowed(SETTINGS[name]),))
    if request.form == "exec" and name.startswith("+"):
        return ERROR
    return OK if at.registers.set(name, request.args) else ERROR


def cme_error(mode: int, code: int) -> Answer:
    """An equipment error as AT+CMEE 0, 1 or 2 shows it."""
    if mode == 0:
        return ERROR
    text = _CME_TEXTS.get(code, "unknown") if mode == 2 else str(code)
    return Answer(final=f"+CME ERROR: {text}")
