"""Identity, memory, supply and reset: the commands that belong to no other room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.core import Modem


def _identity(modem: Modem, request: Request) -> Answer:
    identity = modem.identity
    if request.name in {"+GMR", "+CGMR"}:
        return Answer((f"Revision:{identity.revision}",))
    if request.name == "+CGMM":
        return Answer(("SIMCOM_SIM800L",))
    return Answer((identity.imei,))


def _card(modem: Modem, request: Request) -> Answer:
    if not modem.radio.sim:
        return modem.refuse(10)
    return Answer((modem.identity.imsi if request.name == "+CIMI" else modem.identity.iccid,))


def _battery(modem: Modem, _: Request) -> Answer:
    millivolt, percent = modem.battery
    return Answer((f"+CBC: 0,{percent},{millivolt}",))


def _save(modem: Modem, _: Request) -> Answer:
    modem.registers.save()
    return OK


def _factory(modem: Modem, _: Request) -> Answer:
    modem.registers.factory()
    return OK


def _profile(modem: Modem, _: Request) -> Answer:
    modem.voice.hang_up("terminal")
    modem.registers.restore()
    return OK


def _functionality(modem: Modem, request: Request) -> Answer:
    if request.args == ("1", "1"):
        return Answer(then=lambda: modem.restart("reset"))
    if request.args[0] not in {"0", "1", "4"}:
        return ERROR
    full = request.args[0] == "1"
    return Answer(after=modem.timing.power_down, then=lambda: modem.radio.set_functionality(full))


def _functionality_read(modem: Modem, _: Request) -> Answer:
    return Answer((f"+CFUN: {int(modem.radio.full)}",))


def _power_down(modem: Modem, request: Request) -> Answer:
    if request.args[0] == "0":
        modem.wait(modem.timing.power_down, modem.power_off)
        return OK
    if request.args[0] != "1":
        return ERROR
    modem.wait(2 * modem.timing.power_down, modem.power_off)
    return Answer(final="NORMAL POWER DOWN", after=modem.timing.power_down)


def _call_ready(modem: Modem, _: Request) -> Answer:
    return Answer((f"+CCALR: {int(modem.radio.sim)}",))


def _information(modem: Modem, _: Request) -> Answer:
    return Answer((f"SIM800 R{modem.identity.revision[:2]}.{modem.identity.revision[2:4]}",))


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
    ("+CCALR", "read"): _call_ready,
}
