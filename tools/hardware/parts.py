"""The catalogue: every kind of part on the board, its pins and their types, what to buy and what to buy instead.

In: data sheets. Out: `KINDS` (parts with a name) and `passive` (resistors and capacitors by value).
Must never pass off pins that were not compared with a published symbol as such: `COMPARED` names those that were.
"""

from __future__ import annotations

from dataclasses import dataclass

# Pin types, as SKiDL's rule check names them.
PASSIVE, POWER, SOURCE, INPUT, OUTPUT, BOTH, OPEN, FREE = (
    "PASSIVE", "PWRIN", "PWROUT", "INPUT", "OUTPUT", "BIDIR", "OPENCOLL", "NOCONNECT",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One line that can be ordered."""

    name: str
    prefix: str  # of its references
    pins: tuple[tuple[str, str, str], ...]  # number, name, type
    mpn: str
    maker: str
    package: str
    alternates: tuple[str, ...] = ()
    note: str = ""


def _pins(text: str) -> tuple[tuple[str, str, str], ...]:
    """`number name type` separated by commas."""
    rows = [row.split() for row in text.replace("\n", " ").split(",") if row.strip()]
    return tuple((number, name, _TYPES[kind]) for number, name, kind in rows)


_TYPES = {"p": PASSIVE, "w": POWER, "s": SOURCE, "i": INPUT, "o": OUTPUT, "b": BOTH, "c": OPEN, "n": FREE}

_ESP32 = _pins(
    "1 GND w, 2 3V3 w, 3 EN i, 4 IO36 i, 5 IO39 i, 6 IO34 i, 7 IO35 i, 8 IO32 b, 9 IO33 b, 10 IO25 b, 11 IO26 b,"
    "12 IO27 b, 13 IO14 b, 14 IO12 b, 15 GND w, 16 IO13 b, 17 NC n, 18 NC n, 19 NC n, 20 NC n, 21 NC n, 22 NC n,"
    "23 IO15 b, 24 IO2 b, 25 IO0 b, 26 IO4 b, 27 IO16 b, 28 IO17 b, 29 IO5 b, 30 IO18 b, 31 IO19 b, 32 NC n,"
    "33 IO21 b, 34 IO3 b, 35 IO1 b, 36 IO22 b, 37 IO23 b, 38 GND w, 39 GND w"
)
_SIM800C = _pins(
    "1 UART1_TXD o, 2 UART1_RXD i, 3 UART1_RTS i, 4 UART1_CTS o, 5 UART1_DCD o, 6 UART1_DTR i, 7 UART1_RI o, 8 GND w,"
    "9 MICP i, 10 MICN i, 11 SPKP o, 12 SPKN o, 13 GND w, 14 SIM_DET i, 15 SIM_DATA b, 16 SIM_CLK o, 17 SIM_RST o,"
    "18 SIM_VDD s, 19 GND w, 20 BT_ANT p, 21 GND w, 22 UART2_TXD o, 23 UART2_RXD i, 24 USB_VBUS i, 25 USB_DP b,"
    "26 USB_DM b, 27 GND w, 28 VRTC p, 29 RF_SYNC o, 30 GND w, 31 GND w, 32 GSM_ANT p, 33 GND w, 34 VBAT w, 35 VBAT w,"
    "36 GND w, 37 GND w, 38 ADC i, 39 PWRKEY i, 40 VDD_EXT s, 41 NETLIGHT o, 42 STATUS o"
)
_CHARGER = _pins(
    "1 VAC i, 2 ACDRV o, 3 D+ b, 4 D- b, 5 STAT c, 6 OTG i, 7 PG c, 8 ILIM p, 9 CE i, 10 ICHG p, 11 TS i, 12 VSET p,"
    "13 BAT p, 14 BAT p, 15 SYS s, 16 SYS p, 17 GND w, 18 GND w, 19 SW p, 20 SW p, 21 BTST p, 22 REGN s, 23 PMID p,"
    "24 VBUS w, 25 GND w"
)
_CP2102N = _pins(
    "1 RI i, 2 GND w, 3 D+ b, 4 D- b, 5 VIO w, 6 VDD w, 7 REGIN w, 8 VBUS i, 9 RST i, 10 NC n, 11 GPIO3 b, 12 GPIO2 b,"
    "13 GPIO1 b, 14 GPIO0 b, 15 SUSPENDB o, 16 NC n, 17 SUSPEND o, 18 CTS i, 19 RTS o, 20 RXD i, 21 TXD o, 22 DSR i,"
    "23 DTR o, 24 DCD i, 25 GND w"
)
_USB_C = _pins(
    "A1 GND p, A4 VBUS p, A5 CC1 p, A6 D+ p, A7 D- p, A8 SBU1 p, A9 VBUS p, A12 GND p,"
    "B1 GND p, B4 VBUS p, B5 CC2 p, B6 D+ p, B7 D- p, B8 SBU2 p, B9 VBUS p, B12 GND p, SH SHIELD p"
)
_TRANSISTOR = _pins("1 B i, 2 E p, 3 C p")
_TWO = _pins("1 A p, 2 B p")
_DIODE = _pins("1 K p, 2 A p")


def _plug(*names: str) -> tuple[tuple[str, str, str], ...]:
    """A connector whose contacts are named."""
    return tuple((str(number), name, PASSIVE) for number, name in enumerate(names, 1))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("ESP32", "U", _ESP32, "ESP32-WROOM-32E-N8", "Espressif", "module 18x25.5 mm",
             ("ESP32-WROOM-32E-N16", "ESP32-WROOM-32UE-N8 (outside antenna, unused)"), "8 MB flash"),
        Kind("SIM800C", "U", _SIM800C, "SIM800C", "SIMCom", "LCC-42", (), "no second source: see cat1.md"),
        Kind("CHARGER", "U", _CHARGER, "BQ25616RTWR", "Texas Instruments", "WQFN-24",
             ("BQ25616JRTWR (JEITA window)",), "narrow-VDC power path, set by resistors"),
        Kind("LDO", "U", _pins("1 IN w, 2 GND w, 3 EN i, 4 NC n, 5 OUT s"), "TLV75733PDBVR", "Texas Instruments",
             "SOT-23-5", ("AP2112K-3.3TRG1 (600 mA)",), "3.3 V, 1 A"),
        Kind("SWITCH", "U", _pins("1 VIN w, 2 VIN w, 3 ON i, 4 VBIAS w, 5 GND w, 6 CT p, 7 VOUT s, 8 VOUT p, 9 GND w"),
             "TPS22965DSGR", "Texas Instruments", "WSON-8", ("TPS22975DSGR",), "with output discharge: no -N suffix"),
        Kind("USB_UART", "U", _CP2102N, "CP2102N-A02-GQFN24R", "Silicon Labs", "QFN-24", ("CP2102N-A01-GQFN24R",)),
        Kind("ESD5", "D", _pins("1 IO1 p, 2 GND p, 3 IO2 p, 4 IO3 p, 5 IO4 p, 6 IO5 p"), "SMF05CT1G", "onsemi",
             "SC-88", ("SMF05C.TCT (Semtech)",), "five lines, 5 V"),
        Kind("ESD2", "D", _pins("1 IO1 p, 2 IO2 p, 3 GND p"), "PESD5V0L2BT", "Nexperia", "SOT-23",
             ("ESDA5V3L (ST)",), "two lines, 5 V"),
        Kind("ESD_USB", "D", _pins("1 IO1 p, 2 GND p, 3 IO2 p, 4 IO2B p, 5 VBUS p, 6 IO1B p"), "USBLC6-2SC6", "ST",
             "SOT-23-6", ("TPD2E2U06DRLR (other package)",)),
        Kind("TVS", "D", _DIODE, "SMAJ5.0A", "Littelfuse", "SMA", ("SMAJ5.0A (Vishay, Bourns)",), "one direction"),
        Kind("ZENER", "D", _DIODE, "MMSZ5231BT1G", "onsemi", "SOD-123", ("BZT52C5V1 (Diodes)",), "5.1 V, 500 mW"),
        Kind("DIODE", "D", _DIODE, "1N4148W-7-F", "Diodes", "SOD-123", ("1N4148W (onsemi)",)),
        Kind("NPN", "Q", _TRANSISTOR, "MMBT3904LT1G", "onsemi", "SOT-23", ("MMBT3904-7-F (Diodes)", "S8050 J3Y")),
        Kind("NMOS", "Q", _pins("1 G i, 2 S p, 3 D p"), "AO3400A", "Alpha & Omega", "SOT-23",
             ("DMG3414U-7 (Diodes)",), "on at 2.5 V"),
        Kind("LAMP", "D", _pins("1 VDD w, 2 DOUT o, 3 GND w, 4 DIN i"), "WS2812B-V5", "Worldsemi", "5050",
             ("SK6812 5050 (Opsco)",), "data high from 0.7 of its supply"),
        Kind("BUZZER", "BZ", _TWO, "MLT-8530", "Jiangsu Huaneng", "8.5x8.5 mm", ("MLT-8540H",), "no oscillator inside"),
        Kind("PTC", "F", _TWO, "1812L200/12DR", "Littelfuse", "1812", ("MF-MSMF200-2 (Bourns)",), "2 A hold"),
        Kind("FUSE", "F", _TWO, "0466004.NR", "Littelfuse", "1206", ("TR/3216FF4-R (Eaton)",), "4 A fast"),
        Kind("COIL", "L", _TWO, "SWPA4030S1R0NT", "Sunlord", "4x4 mm", ("XFL4020-102MEB (Coilcraft)",),
             "1 uH, saturates above 4 A"),
        Kind("RF_COIL", "L", _TWO, "LQW15AN68NG00D", "Murata", "0402", ("LQW15AN68NJ00D",),
             "68 nH: static charge to ground"),
        Kind("USB_C", "J", _USB_C, "TYPE-C-31-M-12", "Korean Hroparts", "16 contacts", ("USB4105-GF-A (GCT)",)),
        Kind("PACK", "J", _plug("PACK+", "NTC", "GND"), "B3B-XH-A", "JST", "2.5 mm", ("XH-3A (CJT)",),
             "keyed; 3 A a contact"),
        Kind("SIM", "J", _plug("VCC", "RST", "CLK", "GND", "VPP", "IO"), "SF72S006VBAR2500", "JAE", "nano SIM",
             ("1042240820 (Molex)",)),
        Kind("ANTENNA", "J", _plug("RF", "GND"), "U.FL-R-SMT-1(10)", "Hirose", "U.FL", ("KH-IPEX-K501-29",), "50 ohm"),
        Kind("MIC", "J", _plug("MICP", "MICN"), "B2B-PH-K-S", "JST", "2 mm", ("PH-2A (CJT)",)),
        Kind("SPEAKER", "J", _plug("SPKP", "SPKN"), "B2B-XH-A", "JST", "2.5 mm", ("XH-2A (CJT)",),
             "another size than the microphone's: they cannot be swapped"),
        Kind("KEYS", "J", _plug("SOS", "K1", "K2", "K3", "K4", "CANCEL", "GND", "GND"), "B8B-XH-A", "JST", "2.5 mm",
             ("XH-8A (CJT)",)),
        Kind("PAD", "TP", (("1", "PAD", PASSIVE),), "(copper, no part)", "-", "1.5 mm"),
    )
}  # fmt: skip

# Their pin numbers were compared with a published symbol of the part; all others await it before a layout is begun.
COMPARED = {"SIM800C", "CHARGER", "USB_UART"}
# Either way round.
EITHER_WAY = {"R", "C", "PTC", "FUSE", "COIL", "RF_COIL", "BUZZER", "PAD"}

# (prefix, value): (part number, maker, package, instead)
_ANY_R = ("0402WGF series (UNI-ROYAL)", "any 0402 1 % 1/16 W")
_PASSIVE = {
    ("R", "0"): ("RC0402JR-070RL", "Yageo", "0402", ("0402WGJ0000TCE (UNI-ROYAL)",)),
    ("R", "22"): ("RC0402FR-0722RL", "Yageo", "0402", _ANY_R),
    ("R", "100"): ("RC0402FR-07100RL", "Yageo", "0402", _ANY_R),
    ("R", "330"): ("RC0402FR-07330RL", "Yageo", "0402", _ANY_R),
    ("R", "1k"): ("RC0402FR-071KL", "Yageo", "0402", _ANY_R),
    ("R", "4.7k"): ("RC0402FR-074K7L", "Yageo", "0402", _ANY_R),
    ("R", "5.1k"): ("RC0402FR-075K1L", "Yageo", "0402", _ANY_R),
    ("R", "5.23k"): ("RC0402FR-075K23L", "Yageo", "0402", _ANY_R),
    ("R", "5.6k"): ("RC0402FR-075K6L", "Yageo", "0402", _ANY_R),
    ("R", "10k"): ("RC0402FR-0710KL", "Yageo", "0402", _ANY_R),
    ("R", "22.1k"): ("RC0402FR-0722K1L", "Yageo", "0402", _ANY_R),
    ("R", "30.1k"): ("RC0402FR-0730K1L", "Yageo", "0402", _ANY_R),
    ("R", "47k"): ("RC0402FR-0747KL", "Yageo", "0402", _ANY_R),
    ("R", "47.5k"): ("RC0402FR-0747K5L", "Yageo", "0402", _ANY_R),
    ("R", "100k"): ("RC0402FR-07100KL", "Yageo", "0402", _ANY_R),
    ("C", "10p"): ("CL05C100JB5NNNC", "Samsung", "0402 C0G", ("GRM1555C1H100JA01D (Murata)",)),
    ("C", "33p"): ("CL05C330JB5NNNC", "Samsung", "0402 C0G", ("GRM1555C1H330JA01D (Murata)",)),
    ("C", "4.7n"): ("CL05B472KB5NNNC", "Samsung", "0402 X7R 50 V", ("GRM155R71H472KA01D (Murata)",)),
    ("C", "47n"): ("CL05B473KB5VPNC", "Samsung", "0402 X7R 50 V", ("GRM155R71H473KE14D (Murata)",)),
    ("C", "100n"): ("CL05B104KO5NNNC", "Samsung", "0402 X7R 16 V", ("GRM155R71C104KA88D (Murata)",)),
    ("C", "1u"): ("CL10A105KB8NNNC", "Samsung", "0603 X5R 50 V", ("GRM188R61H105KAALD (Murata)",)),
    ("C", "4.7u"): ("CL10A475KO8NNNC", "Samsung", "0603 X5R 16 V", ("GRM188R61C475KAAJD (Murata)",)),
    ("C", "10u"): ("CL21A106KAYNNNE", "Samsung", "0805 X5R 25 V", ("GRM21BR61E106KA73L (Murata)",)),
    ("C", "22u"): ("CL21A226MAQNNNE", "Samsung", "0805 X5R 25 V", ("GRM21BR61E226ME44L (Murata)",)),
    ("C", "100u"): ("TPSD107K010R0100", "Kyocera AVX", "7343 tantalum, 0.1 ohm", ("T495D107K010ATE100 (Kemet)",)),
    ("C", "470u"): ("EEEFK0J471P", "Panasonic", "8 mm electrolytic, low ESR", ("UCD0J471MNL1GS (Nichicon)",)),
}  # fmt: skip

_SCALE = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "k": 1e3, "M": 1e6}


def number(value: str) -> float:
    """Ohms or farads of a value as written: `5.6k`, `100n`, `22`."""
    return float(value[:-1]) * _SCALE[value[-1]] if value[-1] in _SCALE else float(value)


def passive(prefix: str, value: str) -> Kind:
    """The resistor (`R`) or capacitor (`C`) of that value; KeyError if none was chosen."""
    mpn, maker, package, alternates = _PASSIVE[prefix, value]
    return Kind(prefix, prefix, _TWO, mpn, maker, package, alternates)
