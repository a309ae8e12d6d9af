"""The modem's registers: what can be set, what a reset keeps.

In: the text after `=`. Out: OK or a refusal, and the value for whoever asks. Kinds of memory: `never` is lost at a
reset, `profile` survives one after AT&W, `auto` is kept at once. Some belong to each channel, the rest to the module.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One register: its value at the factory, the range of its first number (None: any text), what keeps it."""

    name: str
    factory: str
    low: int | None = None
    high: int | None = None
    kept: str = "never"


_TABLE = (
    Setting("E", "1", 0, 1, "profile"),
    Setting("Q", "0", 0, 0, "profile"),  # silence on request is not imitated
    Setting("V", "1", 1, 1, "profile"),  # neither are numeric results
    Setting("X", "4", 0, 4, "profile"),
    Setting("S0", "0", 0, 255, "profile"),
    Setting("+CMEE", "0", 0, 2, "profile"),
    Setting("+CREG", "0", 0, 2, "profile"),
    Setting("+CGREG", "0", 0, 2, "profile"),
    Setting("+CLTS", "0", 0, 1, "profile"),
    Setting("+CSCLK", "0", 0, 2, "profile"),
    Setting("+CMGF", "0", 0, 1, "profile"),
    Setting("+CNMI", "2,1,0,0,0", 0, 3, "profile"),
    Setting("+CSCS", "IRA", kept="profile"),
    Setting("+CSMP", "17,167,0,0", 0, 255, "profile"),
    Setting("+CGSMS", "1", 0, 3, "profile"),
    Setting("+IPR", "115200", 0, 460800, "profile"),
    Setting("+IFC", "0,0", 0, 2, "profile"),
    Setting("+MORING", "0", 0, 1, "profile"),
    Setting("+CFGRI", "0", 0, 2, "profile"),
    Setting("+CIURC", "1", 0, 1, "profile"),
    Setting("+CLVL", "60", 0, 100, "auto"),
    Setting("+CMIC", "0,10", 0, 3, "auto"),
    Setting("+SIDET", "0,80", 0, 3, "auto"),
    Setting("+ECHO", "0,0,0,0,0,0", 0, 1, "auto"),
    Setting("+CLCC", "0", 0, 1, "auto"),
    Setting("+CEMNL", "1,2,112,119", 0, 1, "auto"),
    Setting("+CWHITELIST", "0", 0, 3, "auto"),
    Setting("+CHFA", "0", 0, 4),
    Setting("+CLIP", "0", 0, 1),
    Setting("+COLP", "0", 0, 1),
    Setting("+CRC", "0", 0, 1),
    Setting("+CRSL", "50", 0, 100),
    Setting("+CMUT", "0", 0, 1),
    Setting("+DDET", "0,0,0,0", 0, 1),
    Setting("+GSMBUSY", "0", 0, 1),
    Setting("+CBATCHK", "0", 0, 1, "auto"),
    Setting("+CIPMUX", "0", 0, 1),
    Setting("+CIPQSEND", "0", 0, 1),
    Setting("+CIPHEAD", "0", 0, 1),
    Setting("+CIPRXGET", "0", 0, 1),
)
SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _TABLE}


# How a channel talks and what it wants to hear; everything else there is once in the module.
PER_CHANNEL = frozenset({
    "E", "Q", "V", "X", "+CMEE", "+CREG", "+CGREG", "+CMGF", "+CNMI", "+CSCS", "+CSMP", "+CLIP", "+COLP", "+CRC",
    "+MORING", "+CLCC", "+DDET", "+CIURC",
})  # fmt: skip


class Registers:
    """Live values over what the modem's memory holds over the factory's."""

    def __init__(self) -> None:
        self._saved: dict[str, str] = {}
        self._shared: dict[str, str] = {}
        self._own: dict[str, str] = {}
        self.restore()

    def another(self) -> Registers:
        """Those of a new channel: its own start from the memory, the module's are the same."""
        other = Registers()
        other._saved, other._shared = self._saved, self._shared
        other._own = {name: self._kept(name) for name in PER_CHANNEL}
        return other

    def restore(self) -> None:
        """What a reset leaves."""
        self._own.update({name: self._kept(name) for name in PER_CHANNEL})
        self._shared.update({name: self._kept(name) for name in SETTINGS if name not in PER_CHANNEL})

    def _kept(self, name: str) -> str:
        return self._saved.get(name, SETTINGS[name].factory)

    def _live(self, name: str) -> dict[str, str]:
        return self._own if name in PER_CHANNEL else self._shared

    def factory(self) -> None:
        """AT&F: the profile as the factory made it, until it is saved or the modem is reset."""
        for name, setting in SETTINGS.items():
            if setting.kept == "profile":
                self._live(name)[name] = setting.factory

    def save(self) -> None:
        """AT&W."""
        for name, setting in SETTINGS.items():
            if setting.kept == "profile":
                self._saved[name] = self._live(name)[name]

    def keep(self, name: str) -> None:
        """Save one value, as AT&W does with all of them."""
        self._saved[name] = self._live(name)[name]

    def text(self, name: str) -> str:
        """The whole value, `2,1,0,0,0`."""
        return self._live(name)[name]

    def number(self, name: str) -> int:
        """The first number of the value."""
        first = self._live(name)[name].split(",")[0]
        return int(first) if first.isdigit() else 0

    def set(self, name: str, args: tuple[str, ...]) -> bool:
        """Take a new value; False if it is out of range."""
        setting = SETTINGS[name]
        if setting.low is not None and setting.high is not None:
            if not args[0].isdigit() or not setting.low <= int(args[0]) <= setting.high:
                return False
        elif not args[0]:
            return False
        self._live(name)[name] = ",".join(args)
        if setting.kept == "auto":
            self._saved[name] = self._live(name)[name]
        return True


def shown(name: str, value: str) -> str:
    """The value as a read command shows it: text in quotes, numbers bare."""
    return f'{name}: "{value}"' if not value[:1].isdigit() else f"{name}: {value}"


def allowed(setting: Setting) -> str:
    """The value list of a test command."""
    if setting.low is None or setting.high is None:
        return setting.name
    return f"{setting.name}: ({setting.low}-{setting.high})"
