"""The whole board on a page: who is connected with whom, over which nets.

In: a netlist. Out: the text of block.svg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.draw.picture import BLUE, RED, Picture
from tools.hardware.draw.reading import named
from tools.hardware.pins import gpio

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

_LINES = ("MODEM_TX", "MODEM_RX", "MODEM_DTR", "MODEM_RI", "MODEM_STATUS", "MODEM_PWRKEY")
_INTO_MODEM = {"MODEM_TX", "MODEM_DTR", "MODEM_PWRKEY"}


def draw(board: Netlist) -> str:
    """The text."""
    p = Picture(1_240, 800, "okb-a: block diagram", "Red: supply. Blue: nets, with the chip's GPIO where it has one.")
    _supply(p, board)
    _middle(p, board)
    _outside(p, board)
    return p.svg()


def _supply(p: Picture, board: Netlist) -> None:
    boxes = (
        (30, "USB-C", f"{named(board, 'USB_C')} {named(board, 'PTC')} {named(board, 'TVS')}", "5 V 2 A"),
        (250, "charger", f"{named(board, 'CHARGER')} BQ25616", "power path"),
        (600, "3.3 V", f"{named(board, 'LDO')} TLV757", "1 A"),
        (880, "load switch", f"{named(board, 'SWITCH')} TPS22965", "on by default"),
    )
    for x, *rows in boxes:
        p.box(x, 90, 150, 74, tuple(rows))
    p.box(250, 220, 150, 74, ("18650", f"{named(board, 'PACK')} {named(board, 'FUSE')}", "3.35 Ah"))
    p.arrow((180, 127), (250, 127), ink=RED)
    p.text(215, 119, "VBUS", size=12, ink=RED, at="middle")
    p.line((325, 164), (325, 220), ink=RED)
    p.text(333, 196, "CELL", size=12, ink=RED)
    p.line((400, 127), (560, 127), (560, 78), (840, 78), (840, 127), ink=RED, wide=2.6)
    p.text(410, 119, "SYS 3.5-4.3 V", size=12, ink=RED)
    p.arrow((560, 127), (600, 127), ink=RED)
    p.arrow((840, 127), (880, 127), ink=RED)
    p.arrow((675, 164), (675, 340), ink=RED)
    p.text(667, 300, "3V3", size=12, ink=RED, at="end")
    p.arrow((955, 164), (955, 340), ink=RED)
    p.text(963, 300, "VBAT_MODEM, 470 uF + 100 uF", size=12, ink=RED)
    p.arrow((690, 340), (690, 230), (920, 230), (920, 164), ink=BLUE)
    p.text(710, 222, f"MODEM_SUPPLY · {gpio(board, 'MODEM_SUPPLY')}", size=12, ink=BLUE)


def _middle(p: Picture, board: Netlist) -> None:
    p.box(500, 340, 200, 330, (f"{named(board, 'ESP32')} ESP32-WROOM-32E", "MicroPython"))
    p.box(900, 340, 180, 330, (f"{named(board, 'SIM800C')} SIM800C", "2G voice and data"))
    for row, net in enumerate(_LINES):
        y = 400 + 44 * row
        ends = ((700, y), (900, y)) if net in _INTO_MODEM else ((900, y), (700, y))
        p.arrow(*ends, ink=BLUE)
        p.text(800, y - 7, f"{net} · {gpio(board, net)}", size=12, ink=BLUE, at="middle")


def _outside(p: Picture, board: Netlist) -> None:
    keys = ("SOS", "K1", "K2", "K3", "K4", "CANCEL")
    p.box(30, 340, 170, 60, (f"{named(board, 'USB_UART')} USB-UART", "CP2102N, auto-reset"))
    p.line((105, 164), (105, 340), ink=BLUE)
    p.text(113, 260, "USB_DP USB_DM", size=12, ink=BLUE)
    p.arrow((200, 370), (500, 370), ink=BLUE)
    p.text(210, 362, "CHIP_TXD CHIP_RXD EN BOOT", size=12, ink=BLUE)
    p.box(30, 430, 170, 76, (f"{named(board, 'KEYS')} six keys", "pull-up, RC, ESD", "SOS K1-K4 CANCEL"))
    p.arrow((200, 468), (500, 468), ink=BLUE)
    p.text(210, 460, "KEY_* · " + " ".join(str(gpio(board, f"KEY_{key}")) for key in keys), size=12, ink=BLUE)
    p.box(30, 536, 170, 56, (f"{named(board, 'LAMP')} lamp", "one RGB diode"))
    p.arrow((500, 564), (200, 564), ink=BLUE)
    p.text(210, 556, f"LAMP · {gpio(board, 'LAMP')}", size=12, ink=BLUE)
    p.box(30, 618, 170, 56, (f"{named(board, 'BUZZER')} buzzer", f"through {named(board, 'NMOS')}"))
    p.arrow((500, 646), (200, 646), ink=BLUE)
    p.text(210, 638, f"BUZZER · {gpio(board, 'BUZZER')}", size=12, ink=BLUE)
    right = (("ANTENNA", "antenna", "50 ohm"), ("SIM", "nano SIM", "22 ohm, ESD"), ("MIC", "microphone", "bias inside"),
             ("SPEAKER", "loudspeaker", "8 ohm, direct"))  # fmt: skip
    for row, (kind, name, how) in enumerate(right):
        y = 340 + 84 * row
        p.box(1_110, y, 110, 62, (f"{named(board, kind)}", name, how))
        p.line((1_080, y + 31), (1_110, y + 31), ink=BLUE)
    mains, cell = gpio(board, "MAINS_SENSE"), gpio(board, "BATTERY_SENSE")
    p.text(30, 730, f"Measured: half of VBUS at GPIO{mains}, half of CELL at GPIO{cell}.")
