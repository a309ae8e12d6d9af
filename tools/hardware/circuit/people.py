"""What people touch, see and hear: keys, lamp, buzzer, microphone, loudspeaker; and pads for whoever measures."""

from __future__ import annotations

from tools.hardware.sheet import Sheet

KEYS = ("SOS", "K1", "K2", "K3", "K4", "CANCEL")
PADS = (
    "GND", "VBUS", "SYS", "CELL", "3V3", "VBAT_MODEM", "VDD_EXT", "PWRKEY", "MODEM_STATUS", "MODEM_TX_2V8", "MODEM_RX",
    "EN", "BOOT", "CHIP_TXD", "CHIP_RXD", "CHG_STAT", "CHG_PG", "NETLIGHT", "MODEM_USB_VBUS", "MODEM_USB_DP",
    "MODEM_USB_DM",
)  # fmt: skip


def draw(sheet: Sheet) -> None:
    """Put it on the sheet."""
    _keys(sheet)
    _lamp(sheet)
    _buzzer(sheet)
    _audio(sheet, "MIC", "MICP", "MICN")
    _audio(sheet, "SPEAKER", "SPKP", "SPKN")
    for net in PADS:
        sheet.part("PAD", {"PAD": net})


def _keys(s: Sheet) -> None:
    s.part("KEYS", {**{key: f"CONTACT_{key}" for key in KEYS}, "GND": "GND"})
    for key in KEYS:
        s.r("10k", "3V3", f"CONTACT_{key}")
        s.r("1k", f"CONTACT_{key}", f"KEY_{key}")
        s.c("100n", f"KEY_{key}")
    guarded = [f"CONTACT_{key}" for key in KEYS]
    s.part("ESD5", {"GND": "GND", **{f"IO{n}": net for n, net in enumerate(guarded[:5], 1)}})
    s.part("ESD5", {"GND": "GND", "IO1": guarded[5], "IO2": None, "IO3": None, "IO4": None, "IO5": None})


def _lamp(s: Sheet) -> None:
    s.part("LAMP", {"VDD": "SYS", "DOUT": None, "GND": "GND", "DIN": "LAMP_DATA"})
    s.r("330", "LAMP", "LAMP_DATA")
    s.c("100n", "SYS")


def _buzzer(s: Sheet) -> None:
    s.part("BUZZER", {"A": "SYS", "B": "BUZZER_COIL"})
    s.part("DIODE", {"K": "SYS", "A": "BUZZER_COIL"})
    s.part("NMOS", {"G": "BUZZER_GATE", "S": "GND", "D": "BUZZER_COIL"})
    s.r("100", "BUZZER", "BUZZER_GATE")
    s.r("100k", "BUZZER_GATE", "GND")


def _audio(s: Sheet, plug: str, plus: str, minus: str) -> None:
    s.part(plug, {plus: plus, minus: minus})
    # 33 pF takes the module's 900 MHz out of the voice, 10 pF its 1,800 MHz.
    for one, other in ((plus, minus), (plus, "GND"), (minus, "GND")):
        s.c("33p", one, other)
        s.c("10p", one, other)
    s.part("ESD2", {"IO1": plus, "IO2": minus, "GND": "GND"})
