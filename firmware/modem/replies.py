"""What a SIM800 says about itself, as values: registration, time, identities, levels.

In: one line. Out: a value, or None where the line does not hold one. Must never guess.
"""

from firmware.core import clock
from protocol import const

_CELL_MAX = const(24)  # of the wire


def parse_psuttz(line: str) -> "int | None":
    """UTC seconds of `*PSUTTZ: yyyy,M,d,h,m,s,"+32",0`; its time is already UTC."""
    try:
        parts = [int(field) for field in line[line.find(":") + 1 :].split(",")[:6]]
    except ValueError:
        return None
    if len(parts) != 6:
        return None
    return clock.from_local(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], 0)


def plain(text: str, most: int) -> str:
    """What of a modem's text the wire takes: printable ASCII without quotes and backslashes, so long at most."""
    return "".join([char for char in text if " " <= char <= "~" and char not in '"\\'])[:most].strip()


def parse_creg(line: str) -> "tuple[int, str] | None":
    """(stat, "lac-ci" or "") of a reply `+CREG: <n>,<stat>[,..]` or of a report `+CREG: <stat>[,..]`."""
    fields = [field.strip() for field in line[line.find(":") + 1 :].split(",")]
    # A report has the area in the second place, quoted or (some firmware) bare: never one digit.
    if len(fields) > 1 and len(fields[1]) == 1:
        fields = fields[1:]
    try:
        stat = int(fields[0])
    except ValueError:
        return None
    if not 0 <= stat <= 5:
        return None
    return stat, plain("-".join(fields[1:3]), _CELL_MAX) if len(fields) >= 3 else ""


def is_identity(line: str) -> bool:
    """Bare answers: 15 to 20 digits with an F at most, or a revision."""
    if line.startswith(("Revision:", "+CCID:")):
        return True
    return 6 <= len(line) <= 21 and line.rstrip("Ff").isdigit()


def digits(text: "str | None", low: int, high: int) -> "str | None":
    """A text of so many digits."""
    return text if text and low <= len(text) <= high and not text.strip("0123456789") else None


def within(text: str, low: int, high: int) -> "int | None":
    """A number in these bounds."""
    try:
        value = int(text)
    except ValueError:
        return None
    return value if low <= value <= high else None


ACTIVE = const(0)  # stat of `+CLCC`
HELD = const(1)
DIALLING = const(2)
ALERTING = const(3)
INCOMING = const(4)
WAITING = const(5)
GONE = const(6)


def parse_clcc(line: str) -> "tuple[int, int, str] | None":
    """(direction, stat, number or "") of a voice call in `+CLCC: <id>,<dir>,<stat>,<mode>,<mpty>[,"<num>",…]`."""
    fields = line[line.find(":") + 1 :].split(",")
    try:
        direction, stat, mode = int(fields[1]), int(fields[2]), int(fields[3])
    except (IndexError, ValueError):
        return None
    if mode != 0 or direction not in (0, 1) or not 0 <= stat <= 6:
        return None
    return direction, stat, fields[5].strip('"') if len(fields) > 5 else ""
