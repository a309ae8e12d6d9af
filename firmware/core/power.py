"""What feeds the terminal, and what it gives up to go on calling: mains, battery, heat.

In: once a second what the board or the modem measures, and which faults were open at the start. Out: faults and their
restores, and the level that says what is still done. Calls are no part of any level: they last to the very end.
Must never believe one sample: the modem draws 2 A in bursts, and a socket may be pulled for a second.
"""

from protocol import const

_MAINS_MS = const(3_000)  # a plug that is moved is no power cut; three minutes are what the field allows for the report
# A lithium cell at rest: a tenth of its charge left.
_LOW_MV = const(3_600)
_LOW_OK_MV = const(3_700)
# The modem switches itself off below 3,400.
_CRITICAL_MV = const(3_450)
_CRITICAL_OK_MV = const(3_550)
# Its protection opens above 2,400: what measures less than that is no cell.
_ABSENT_MV = const(2_000)
_PRESENT_MV = const(2_800)
# Above that a lithium cell must not be used.
_HOT_C = const(60)
_COOL_C = const(55)
_LOW_MS = const(60_000)  # of samples outside calls without one that contradicts
_CRITICAL_MS = const(20_000)
_ABSENT_MS = const(10_000)
_HOT_MS = const(60_000)
_BEEP_MS = const(2 * 3_600_000)  # a reminder, no alarm: who hears it too often pulls the plug
# Shanghai time without reminders.
_NIGHT_FROM_S = const(21 * 3_600)
_NIGHT_TO_S = const(8 * 3_600)
_SHANGHAI_S = const(8 * 3_600)
_DAY_S = const(86_400)


# What is still done at a charge of the battery; what is given up stands in the functions below.
NORMAL = const("normal")
LOW = const("low")
CRITICAL = const("critical")
_LOW_BEAT_S = const(1_500)  # between heartbeats at the least: a terminal that is silent for 30 min counts as lost


class Watch:
    """One condition that must last before it counts, in both directions."""

    def __init__(self, fault: str, bad_ms: int, well_ms: int, *, bad: bool) -> None:
        self.fault = fault
        self.bad = bad  # as told
        self._bad_ms = bad_ms
        self._well_ms = well_ms
        self._since: "int | None" = None  # the other state has been seen since then

    def tick(self, now: int, bad: "bool | None") -> "tuple[str, str, int] | None":
        """A sample; None: it says nothing. Returns ("fault" or "restore", name, uptime at which it began)."""
        if bad is None or bad == self.bad:
            self._since = None
            return None
        if self._since is None:
            self._since = now
        if now - self._since < (self._bad_ms if bad else self._well_ms):
            return None
        since, self._since = self._since, None
        self.bad = bad
        return ("fault" if bad else "restore"), self.fault, since


class Power:
    """Call `tick` once a second. `was_open`: faults that were told before a restart and had no restore yet."""

    def __init__(self, was_open: "tuple[str, ...]" = ()) -> None:
        self.mains: "int | None" = None
        self._lost = Watch("mains_lost", _MAINS_MS, _MAINS_MS, bad="mains_lost" in was_open)
        self._low = Watch("battery_low", _LOW_MS, _LOW_MS, bad="battery_low" in was_open)
        self._critical = Watch("battery_critical", _CRITICAL_MS, _LOW_MS, bad="battery_critical" in was_open)
        self._absent = Watch("battery_absent", _ABSENT_MS, _ABSENT_MS, bad="battery_absent" in was_open)
        self._hot = Watch("temperature_high", _HOT_MS, _HOT_MS, bad="temperature_high" in was_open)
        self._beep_ms: "int | None" = None

    def tick(
        self, now: int, mains: "int | None", mv: "int | None", temp: "int | None", *, in_call: bool
    ) -> "list[tuple[str, str, int]]":
        """Samples: mains 1 or 0, mV of the cell, degrees; None where nothing can tell. Returns faults and restores."""
        self.mains = mains
        found = [
            self._lost.tick(now, None if mains is None else mains == 0),
            self._hot.tick(now, _band(temp, _COOL_C, _HOT_C, high_is_bad=True)),
            self._absent.tick(now, None if mains == 0 else _band(mv, _ABSENT_MV, _PRESENT_MV, high_is_bad=False)),
        ]
        # In a call the cell sags; without a cell there is nothing to measure.
        cell = None if in_call or mv is None or mv < _ABSENT_MV else mv
        found.append(self._low.tick(now, _band(cell, _LOW_MV, _LOW_OK_MV, high_is_bad=False)))
        found.append(self._critical.tick(now, _band(cell, _CRITICAL_MV, _CRITICAL_OK_MV, high_is_bad=False)))
        return [one for one in found if one is not None]

    @property
    def level(self) -> str:
        """What is still done. On mains everything is, however empty the cell."""
        if self.mains == 1 and not self._lost.bad:
            return NORMAL
        if self._critical.bad:
            return CRITICAL
        return LOW if self._low.bad else NORMAL

    @property
    def failing(self) -> bool:
        """Whether the cell is low, absent or too hot: what a self-test reports as `battery`."""
        return self._low.bad or self._critical.bad or self._absent.bad or self._hot.bad

    def beep_due(self, now: int, epoch: "int | None", *, busy: bool) -> bool:
        """Whether to remind of the empty cell: rarely, by day, and never when the elder has something to listen to."""
        if self.level == NORMAL or busy or (epoch is not None and _is_night(epoch)):
            return False
        if self._beep_ms is not None and now - self._beep_ms < _BEEP_MS:
            return False
        self._beep_ms = now
        return True


def beat_due_s(level: str, every_s: int) -> "int | None":
    """Seconds between heartbeats at this level, None: none are sent."""
    if level == CRITICAL:
        return None
    return max(every_s, _LOW_BEAT_S) if level == LOW else every_s


def _is_night(epoch: int) -> bool:
    second = (epoch + _SHANGHAI_S) % _DAY_S
    return second >= _NIGHT_FROM_S or second < _NIGHT_TO_S


def _band(value: "int | None", low: int, high: int, *, high_is_bad: bool) -> "bool | None":
    """Whether a value is bad; None without one, or between the two limits: what was told last still holds."""
    if value is None or low < value < high:
        return None
    return (value >= high) == high_is_bad
