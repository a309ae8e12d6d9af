"""Identity, memory, supply and reset: the commands that belong to no other room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel

RATES = (0, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800)
DEFAULT_N1 = 127  # longest information of a frame, in bytes
MAX_N1 = 1540  # one segment of the TCP stack with room around it
# What AT+CMUX may say: mode, subset, speed, N1, and five timers and counts that the basic option hardly uses.
_RANGES = ((0, 0), (0, 0), (1, 8), (1, MAX_N1), (1, 255), (0, 100), (2, 255), (1, 255), (1, 7))


def _identity(at: Channel, request: Request) -> Answer:
    model = at.modem.model
    if request.name in {"+GMR", "+CGMR"}:
        return Answer((f"Revision:{model.revision}",))
    if request.name == "+CGMM":
        return Answer((model.product,))
    return Answer((at.modem.identity.imei,))


def _card(at: Channel, request: Request) -> Answer:
    if not at.modem.radio.sim:
        return at.refuse(10)
    return Answer((at.modem.identity.imsi if request.name == "+CIMI" else at.modem.identity.iccid,))


def _battery(at: Channel, _: Request) -> Answer:
    millivolt, percent = at.modem.battery
    return Answer((f"+CBC: 0,{percent},{millivolt}",))


def _save(at: Channel, _: Request) -> Answer:
    at.registers.save()
    return OK


def _factory(at: Channel, _: Request) -> Answer:
    at.registers.factory()
    return OK


def _profile(at: Channel, _: Request) -> Answer:
    at.modem.voice.hang_up("terminal")
    at.registers.restore()
    return OK


def _functionality(at: Channel, request: Request) -> Answer:
    if request.args == ("1", "1"):
        return Answer(then=lambda: at.modem.restart("reset"))
    if request.args[0] not in {"0", "1", "4"}:
        return ERROR
    full = request.args[0] == "1"
    return Answer(after=at.modem.timing.power_down, then=lambda: at.modem.radio.set_functionality(full))


def _functionality_read(at: Channel, _: Request) -> Answer:
    return Answer((f"+CFUN: {int(at.modem.radio.full)}",))


def _power_down(at: Channel, request: Request) -> Answer:
    if request.args[0] == "0":
        at.modem.wait(at.modem.timing.power_down, at.modem.power_off)
        return OK
    if request.args[0] != "1":
        return ERROR
    at.modem.wait(2 * at.modem.timing.power_down, at.modem.power_off)
    return Answer(final="NORMAL POWER DOWN", after=at.modem.timing.power_down)


def _rate(at: Channel, request: Request) -> Answer:
    """The result still comes at the old rate."""
    if len(request.args) != 1 or not request.args[0].isdigit() or int(request.args[0]) not in RATES:
        return ERROR
    return Answer(then=lambda: _switch_rate(at, request))


def _switch_rate(at: Channel, request: Request) -> None:
    at.registers.set("+IPR", request.args)


def _call_ready(at: Channel, _: Request) -> Answer:
    return Answer((f"+CCALR: {int(at.modem.radio.sim)}",))


def _information(at: Channel, _: Request) -> Answer:
    return Answer((f"SIM800 R{at.modem.model.revision[:2]}.{at.modem.model.revision[2:4]}",))


def _multiplex(at: Channel, request: Request) -> Answer:
    modem = at.modem
    if not modem.cmux:
        return ERROR
    if modem.mux is not None:
        return at.refuse(3)
    values: list[int] = []
    for text, (low, high) in zip(request.args, _RANGES, strict=False):
        if text and not (text.isdigit() and low <= int(text) <= high):
            return at.refuse(50)
        values.append(int(text) if text else low)
    if len(request.args) > len(_RANGES) or not request.args[0]:
        return at.refuse(50)
    n1 = values[3] if len(values) > 3 and request.args[3] else DEFAULT_N1
    return Answer(then=lambda: modem.start_mux(n1))


def _multiplex_read(at: Channel, _: Request) -> Answer:
    if not at.modem.cmux:
        return ERROR
    n1 = at.modem.mux.n1 if at.modem.mux is not None else DEFAULT_N1
    return Answer((f"+CMUX: 0,0,5,{n1},10,3,30,10,2",))


COMMANDS = {
    ("+GSN", "exec"): _identity,
    ("+CGSN", "exec"): _identity,
    ("+GMR", "exec"): _identity,
    ("+CGMR", "exec"): _identity,
    ("+CGMM", "exec"): _identity,
    ("I", "exec"): _information,
    ("+CIMI", "exec"): _card,
    ("+CCID", "exec"): _card,
    ("+CBC", "exec"): _battery,
    ("&W", "exec"): _save,
    ("&F", "exec"): _factory,
    ("Z", "exec"): _profile,
    ("+CFUN", "write"): _functionality,
    ("+CFUN", "read"): _functionality_read,
    ("+CPOWD", "write"): _power_down,
    ("+IPR", "write"): _rate,
    ("+CCALR", "read"): _call_ready,
    ("+CMUX", "write"): _multiplex,
    ("+CMUX", "read"): _multiplex_read,
}
