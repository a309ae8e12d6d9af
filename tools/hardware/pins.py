"""The pin table of `okb-a`: GPIO and wiring read out of the netlist, in the words that pinout.csv has.

In: a netlist, the firmware's board. Out: the text of pinout.csv, and who says what of a pin.
Must never hold a GPIO number: they are the netlist's, and the firmware's board is compared with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.board.table import Table
    from tools.hardware.netlist import Netlist

# function: net, direction, wiring ({net} is filled in from the parts), note
_ROWS: dict[str, tuple[str, str, str, str]] = {
    "modem_tx": ("MODEM_TX", "out", "3.3V to 2.8V divider {two}", "to the module's RX"),
    "modem_rx": ("MODEM_RX", "in", "2.8V direct", "from the module's TX"),
    "modem_pwrkey": ("MODEM_PWRKEY", "out", "NPN {base}", "low at the module for at least 1 s switches it on or off"),
    "modem_supply": ("MODEM_SUPPLY", "out", "load switch", "on by default through a resistor of {up}"),
    "modem_dtr": ("MODEM_DTR", "out", "3.3V to 2.8V divider {two}", "wakes the module from sleep"),
    "modem_ri": ("MODEM_RI", "in", "2.8V direct", "low from an incoming call until answered or ended; {up} to 3.3V"),
    "modem_status": ("MODEM_STATUS", "in", "2.8V direct", "high while the module is on; {down} to ground"),
    "key_sos": ("KEY_SOS", "in", "{key}", "RTC pin: can wake the chip"),
    "key_k1": ("KEY_K1", "in", "{key}", "family 1"),
    "key_k2": ("KEY_K2", "in", "{key}", "family 2"),
    "key_k3": ("KEY_K3", "in", "{key}", "family 3"),
    "key_k4": ("KEY_K4", "in", "{key}", "community station"),
    "key_cancel": ("KEY_CANCEL", "in", "{key}", ""),
    "lamp": ("LAMP", "out", "3.3V", "data of one RGB diode of the WS2812 kind; pulses at boot: harmless for a lamp"),
    "buzzer": ("BUZZER", "out", "PWM or DAC", "feedback that does not depend on the modem"),
    "battery_level": ("BATTERY_SENSE", "in", "divider {half}", "ADC1; analogue only"),
    "mains_level": ("MAINS_SENSE", "in", "divider {half}", "ADC1; analogue only"),
}
_TOPS = {"BATTERY_SENSE": "CELL", "MAINS_SENSE": "VBUS"}


def used(table: type[Table]) -> dict[str, int]:
    """{function as pinout.csv names it: GPIO}, as the firmware has it."""
    lines: dict[str, int | None] = {
        "modem_tx": table.modem_tx, "modem_rx": table.modem_rx, "modem_pwrkey": table.pwrkey,
        "modem_supply": table.supply, "modem_dtr": table.dtr, "modem_ri": table.ring, "modem_status": table.status,
        "lamp": table.lamp, "buzzer": table.buzzer,
        "battery_level": table.battery.pin if table.battery else None,
        "mains_level": table.mains.pin if table.mains else None,
        **{f"key_{key}": pin for key, pin in table.keys},
    }  # fmt: skip
    return {function: gpio for function, gpio in lines.items() if gpio is not None}


def gpio(board: Netlist, net: str) -> int:
    """The chip's GPIO on a net. ValueError if it is on none."""
    chip = board.the("ESP32")
    for pin in board.on(net):
        if pin.ref == chip and pin.name.startswith("IO"):
            return int(pin.name[2:])
    raise ValueError(f"{net} is on no pin of the chip")


def _value(board: Netlist, one: str, other: str, kind: str = "R") -> str:
    """The value of what lies between two nets, "-" if it is not one part."""
    found = board.between(one, other, kind)
    return found[0].value if len(found) == 1 else "-"


def _words(board: Netlist, net: str) -> dict[str, str]:
    """What the wiring of a net may say of its parts."""
    contact = net.replace("KEY_", "CONTACT_")
    top = _TOPS.get(net, "")
    upper, lower = _value(board, top, net), _value(board, net, "GND")
    return {
        "two": f"{_value(board, net, f'{net}_2V8')}/{_value(board, f'{net}_2V8', 'GND')}",
        "base": f"{_value(board, net, 'PWRKEY_BASE')}/{_value(board, 'PWRKEY_BASE', 'GND')}",
        "up": _value(board, "3V3", net),
        "down": _value(board, net, "GND"),
        "half": f"2x{upper}" if upper == lower else f"{upper}/{lower}",
        "key": f"{_value(board, '3V3', contact)} pull-up {_value(board, net, 'GND', 'C')}F"
        f" {_value(board, contact, net)} series",
    }


def table(board: Netlist) -> str:
    """The text of pinout.csv."""
    rows = ["gpio,function,direction,level,note"]
    for function, (net, direction, wiring, note) in _ROWS.items():
        words = _words(board, net)
        rows.append(f"{gpio(board, net)},{function},{direction},{wiring.format(**words)},{note.format(**words)}")
    return "\n".join(rows) + "\n"
