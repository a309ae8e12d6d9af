"""The SIM800C with its capacitors, its lines to the chip, the SIM and the antenna.

Its logic is 2.8 V: what the chip sends is divided, what it sends goes straight in. PWRKEY is only ever pulled down.
"""

from __future__ import annotations

from tools.hardware.sheet import Sheet

_OPEN = (
    "UART1_RTS", "UART1_CTS", "UART1_DCD", "UART2_TXD", "UART2_RXD", "SIM_DET", "BT_ANT", "RF_SYNC", "ADC",
)  # fmt: skip


def draw(sheet: Sheet) -> None:
    """Put it on the sheet."""
    sheet.part("SIM800C", {
        "UART1_TXD": "MODEM_RX", "UART1_RXD": "MODEM_TX_2V8", "UART1_DTR": "MODEM_DTR_2V8", "UART1_RI": "MODEM_RI",
        "GND": "GND", "MICP": "MICP", "MICN": "MICN", "SPKP": "SPKP", "SPKN": "SPKN", "SIM_DATA": "SIM_DATA",
        "SIM_CLK": "SIM_CLK", "SIM_RST": "SIM_RST", "SIM_VDD": "SIM_VDD", "USB_VBUS": "MODEM_USB_VBUS",
        "USB_DP": "MODEM_USB_DP", "USB_DM": "MODEM_USB_DM", "VRTC": "VRTC", "GSM_ANT": "RF_MODULE",
        "VBAT": "VBAT_MODEM", "PWRKEY": "PWRKEY", "VDD_EXT": "VDD_EXT", "NETLIGHT": "NETLIGHT",
        "STATUS": "MODEM_STATUS", **dict.fromkeys(_OPEN),
    })  # fmt: skip
    _supply(sheet)
    _lines(sheet)
    _sim(sheet)
    _antenna(sheet)


def _supply(s: Sheet) -> None:
    for value in ("470u", "100u", "10u", "33p", "10p"):
        s.c(value, "VBAT_MODEM")
    s.part("ZENER", {"K": "VBAT_MODEM", "A": "GND"})
    s.c("4.7u", "VRTC")


def _lines(s: Sheet) -> None:
    for line in ("MODEM_TX", "MODEM_DTR"):
        s.r("1k", line, f"{line}_2V8")
        s.r("5.6k", f"{line}_2V8", "GND")
    s.part("NPN", {"B": "PWRKEY_BASE", "C": "PWRKEY", "E": "GND"})
    s.r("4.7k", "MODEM_PWRKEY", "PWRKEY_BASE")
    s.r("47k", "PWRKEY_BASE", "GND")
    # A module without supply must read as off, and its ring line as at rest.
    s.r("100k", "MODEM_STATUS", "GND")
    s.r("100k", "3V3", "MODEM_RI")


def _sim(s: Sheet) -> None:
    s.part("SIM", {
        "VCC": "SIM_VDD", "RST": "CARD_RST", "CLK": "CARD_CLK", "GND": "GND", "VPP": None, "IO": "CARD_DATA",
    })  # fmt: skip
    for line in ("RST", "CLK", "DATA"):
        s.r("22", f"SIM_{line}", f"CARD_{line}")
    s.c("100n", "SIM_VDD")
    s.part("ESD5", {
        "IO1": "CARD_RST", "GND": "GND", "IO2": "CARD_CLK", "IO3": "CARD_DATA", "IO4": "SIM_VDD", "IO5": None,
    })  # fmt: skip


def _antenna(s: Sheet) -> None:
    # 2 W are 14 V at 50 ohm: a 5 V protector would clip the transmitter, a coil to ground does not.
    s.c("10p", "RF_MODULE", fitted=False)
    s.r("0", "RF_MODULE", "RF_ANTENNA")
    s.c("10p", "RF_ANTENNA", fitted=False)
    s.part("RF_COIL", {"A": "RF_ANTENNA", "B": "GND"})
    s.part("ANTENNA", {"RF": "RF_ANTENNA", "GND": "GND"})
