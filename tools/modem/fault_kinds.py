"""What each kind of fault does to the modem: one row per kind, in `KINDS`.

In: the faults object and the options of one fault. Out: changed switches of the modem, its radio, its data and its
supply, and their way back. Kinds without a begin are only asked for by the room that they hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.modem.timing import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.faults import Faults

Options = dict[str, Any]

SMS_CODES = (38, 42, 192, 330, 331, 332, 500, 513, 530)  # of the network, of the centre, of the module
STRANGER = "13800000099"  # rings when a fault wants somebody to ring and names nobody
MAX_OPTION = 3600.0  # of a number among the options
LOW_MV = 3450  # under the module's warning, over its power down
DEFAULT_TALK_S = 20.0
DEFAULT_HOLDS_S = 5.0  # a command that the manual gives no longest time


class FaultError(ValueError):
    """The fault makes no sense."""


def _nothing(faults: Faults, options: Options) -> None:
    del faults, options


@dataclass(frozen=True)
class Kind:
    """Shortest and longest drawn time until it heals, in seconds, and what it does. (0, 0): over as it happens."""

    lasts: tuple[float, float]
    begin: Callable[[Faults, Options], None] = _nothing
    end: Callable[[Faults, Options], None] = _nothing
    options: tuple[str, ...] = ()
    draw: Callable[[Faults, Options], None] = _nothing  # what the options leave open
    random: bool = True


def _release(faults: Faults, _: Options) -> None:
    faults.between()


def _silence(faults: Faults, _: Options) -> None:
    faults.modem.silent = True


def _speech(faults: Faults, _: Options) -> None:
    faults.modem.silent = False


def _reset(faults: Faults, _: Options) -> None:
    if faults.modem.powered:
        faults.modem.restart("reset")


def _deactivate(faults: Faults, _: Options) -> None:
    faults.modem.data.deactivate()


def _give_up_prompt(faults: Faults, _: Options) -> None:
    for channel in faults.modem.channels():
        channel.give_up_prompt()


def _cover(faults: Faults, _: Options) -> None:
    """Both faults of coverage may stand at once; a refusal needs a network that refuses."""
    faults.modem.radio.set_coverage("off" if faults.on("no_network") else "denied" if faults.on("denied") else "on")


def _card(faults: Faults, _: Options) -> None:
    faults.modem.radio.set_sim(not faults.on("sim_out"))


def _serve(faults: Faults, _: Options) -> None:
    service = faults.modem.data.set_service
    service("off" if faults.on("no_data") else "blackhole" if faults.on("blackhole") else "on")


def _caller(faults: Faults, options: Options) -> None:
    options.setdefault("number", STRANGER)
    options.setdefault("ring", round(faults.rng.uniform(5, 30), 3))
    options.setdefault("talk", DEFAULT_TALK_S)
    options.update(ring=_number(options, "ring"), talk=_number(options, "talk"))


def _ring(faults: Faults, options: Options) -> None:
    faults.modem.voice.ring(str(options["number"]), options["ring"], options["talk"])


def _number(options: Options, name: str) -> float:
    try:
        value = float(options[name])
    except (TypeError, ValueError):
        raise FaultError(f"{name} is a number") from None
    if not 0 <= value <= MAX_OPTION:
        raise FaultError(f"{name} lies between 0 and {MAX_OPTION:.0f}")
    return value


def _drop_call(faults: Faults, _: Options) -> None:
    faults.modem.voice.happen("dropped")


def _warn(faults: Faults, options: Options) -> None:
    modem = faults.modem
    options["before"] = modem.battery
    modem.battery = (LOW_MV, 5)
    modem.urc("UNDER-VOLTAGE WARNNING")


def _charge(faults: Faults, options: Options) -> None:
    faults.modem.battery = options["before"]


def _power_down(faults: Faults, _: Options) -> None:
    faults.modem.urc("UNDER-VOLTAGE POWER DOWN")
    faults.modem.lines.supply(on=False)


def _power_cut(faults: Faults, _: Options) -> None:
    faults.modem.lines.supply(on=False)


def _power_back(faults: Faults, _: Options) -> None:
    """The supply comes back, and the module starts with it: who has no PWRKEY could not start it."""
    if not (faults.on("power_cut") or faults.on("power_down")):
        faults.modem.lines.supply(on=True)
        faults.modem.power_on()


def _victim(faults: Faults, options: Options) -> None:
    command = str(options.get("command") or faults.rng.choice(tuple(LONGEST_S)))
    options["command"] = command = command.upper().removeprefix("AT")
    options.setdefault("holds", LONGEST_S.get(command, DEFAULT_HOLDS_S))
    options["holds"] = _number(options, "holds")


def _block(faults: Faults, options: Options) -> None:
    faults.modem.blocks[options["command"]] = options["holds"]


def _unblock(faults: Faults, options: Options) -> None:
    faults.modem.blocks.pop(options["command"], None)


def _refusal(faults: Faults, options: Options) -> None:
    options.setdefault("code", faults.rng.choice(SMS_CODES))
    options["code"] = int(_number(options, "code"))


KINDS: dict[str, Kind] = {
    # What the terminal hears.
    "urc_late": Kind((5, 60)),
    "urc_between": Kind((5, 60), end=_release),
    "urc_lost": Kind((2, 20)),
    "split": Kind((10, 120)),
    "baud": Kind((1, 20)),
    "silence": Kind((2, 45), _silence, _speech),
    "prompt_stuck": Kind((2, 30), end=_give_up_prompt),
    "blocked": Kind((10, 120), _block, _unblock, ("command", "holds"), _victim),
    # The module and its supply.
    "reset": Kind((0, 0), _reset),
    "undervoltage": Kind((5, 120), _warn, _charge),
    "power_down": Kind((5, 60), _power_down, _power_back),
    "power_cut": Kind((1, 60), _power_cut, _power_back),
    "sim_out": Kind((10, 120), _card, _card),
    # The network.
    "denied": Kind((10, 180), _cover, _cover),
    "no_network": Kind((5, 180), _cover, _cover),
    "incoming": Kind((0, 0), _ring, options=("number", "ring", "talk"), draw=_caller),
    "call_drop": Kind((0, 0), _drop_call),
    "sms_fail": Kind((10, 180), options=("code",), draw=_refusal),
    "sms_slow": Kind((30, 120)),
    # Data.
    "deact": Kind((0, 0), _deactivate),
    "no_data": Kind((10, 300), _serve, _serve),
    "blackhole": Kind((10, 300), _serve, _serve),
    "connect_fail": Kind((10, 120)),
    "send_fail": Kind((5, 60)),
}
