"""The ESP32 with its strapping and reset, and the USB-UART that flashes it.

Nets of GPIOs are named as hardware/board-okb-a/pinout.csv names the function, in capitals; the numbers stand here and a
rule compares them with that table and with the firmware.
"""

from __future__ import annotations

from tools.hardware.sheet import Sheet

GPIO = {
    27: "MODEM_TX", 26: "MODEM_RX", 4: "MODEM_PWRKEY", 23: "MODEM_SUPPLY", 32: "MODEM_DTR", 35: "MODEM_RI",
    34: "MODEM_STATUS", 33: "KEY_SOS", 13: "KEY_K1", 21: "KEY_K2", 22: "KEY_K3", 18: "KEY_K4", 19: "KEY_CANCEL",
    14: "LAMP", 25: "BUZZER", 36: "BATTERY_SENSE", 39: "MAINS_SENSE",
}  # fmt: skip
_STRAPS = {0: "BOOT", 2: "STRAP_2", 5: "STRAP_5", 12: "STRAP_12", 15: "STRAP_15"}
_SPARE = (16, 17)


def draw(sheet: Sheet) -> None:
    """Put it on the sheet."""
    pins: dict[str, str | None] = {"GND": "GND", "3V3": "3V3", "EN": "EN", "IO1": "CHIP_TXD", "IO3": "CHIP_RXD"}
    pins.update({f"IO{number}": net for number, net in (GPIO | _STRAPS).items()})
    pins.update({f"IO{number}": None for number in _SPARE})
    sheet.part("ESP32", pins)
    sheet.c("22u", "3V3")
    sheet.c("100n", "3V3")
    sheet.r("10k", "3V3", "EN")
    sheet.c("1u", "EN")
    # 0 and 15 high: run, and say so; 12 low: the flash has 3.3 V; 2 low: or it cannot be flashed; 5 high as shipped.
    for number, level in ((0, "3V3"), (2, "GND"), (5, "3V3"), (12, "GND"), (15, "3V3")):
        sheet.r("10k", level, _STRAPS[number])
    _usb(sheet)
    _reset(sheet)


def _usb(s: Sheet) -> None:
    # Fed by the board and not by the cable: an unpowered one would hold the chip's receive line down.
    s.part("USB_UART", {
        "RI": None, "GND": "GND", "D+": "USB_DP", "D-": "USB_DM", "VIO": "3V3", "VDD": "3V3", "REGIN": "3V3",
        "VBUS": "UART_VBUS", "RST": "UART_RST", "GPIO3": None, "GPIO2": None, "GPIO1": None, "GPIO0": None,
        "SUSPENDB": None, "SUSPEND": None, "CTS": None, "RTS": "RTS", "RXD": "UART_RXD", "TXD": "UART_TXD",
        "DSR": None, "DTR": "DTR", "DCD": None,
    })  # fmt: skip
    s.r("22.1k", "VBUS", "UART_VBUS")
    s.r("47.5k", "UART_VBUS", "GND")
    s.r("1k", "3V3", "UART_RST")
    s.c("4.7u", "3V3")
    s.c("100n", "3V3")
    s.r("330", "CHIP_TXD", "UART_RXD")
    s.r("330", "UART_TXD", "CHIP_RXD")
    s.part("ESD_USB", {
        "IO1": "USB_DP", "IO1B": "USB_DP", "IO2": "USB_DM", "IO2B": "USB_DM", "VBUS": "VBUS", "GND": "GND",
    })  # fmt: skip


def _reset(s: Sheet) -> None:
    for one, other, line in (("DTR", "RTS", "EN"), ("RTS", "DTR", "BOOT")):
        s.r("10k", one, f"{one}_BASE")
        s.part("NPN", {"B": f"{one}_BASE", "E": other, "C": line})
