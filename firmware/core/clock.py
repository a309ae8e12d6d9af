"""The terminal's idea of the time: set by the network, kept by the uptime, never before the build nor long after it.

In: times from the network. Out: epoch seconds since 1970 UTC at an uptime, or None while no network has told.
Never guesses: an unset clock stays unset, and the cloud dates the message by its uptimes.
"""

from protocol import const

SHANGHAI_S = const(8 * 3_600)  # no summer time since 1991
DAY_S = const(86_400)
LATEST = 4_102_444_800  # the year 2100: nobody means anything later
LIFE_S = const(15 * 366 * DAY_S)  # after its build no firmware runs any more: a network that says later is wrong
JUMP_S = const(3_600)  # a network that contradicts the running clock by more must say so twice
_AGREE_S = const(60)
_DOUBT_MS = const(20_000)  # the two must be so far apart: one wrong time may come by two reports
_BEFORE_MONTH = const((0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334))


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01."""
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400 - 477
    leap = month > 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (year - 1970) * 365 + leaps + _BEFORE_MONTH[month - 1] + day - 1 + (1 if leap else 0)


def epoch_of(  # noqa: PLR0917, the order in which every calendar is written
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> int:
    """Epoch seconds of a UTC date and time."""
    return _days(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second


def from_local(  # noqa: PLR0917, the same order, with its zone
    year: int, month: int, day: int, hour: int, minute: int, second: int, quarters: int
) -> int | None:
    """Epoch seconds of a local time with its zone in quarter hours (+32 is Shanghai); None for what is no time."""
    if not (2000 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= 31 and -48 <= quarters <= 56):
        return None
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60):
        return None
    return epoch_of(year, month, day, hour, minute, second) - quarters * 900


def parse_cclk(text: str) -> int | None:
    """Epoch seconds of `yy/MM/dd,hh:mm:ss+zz` as the modem's clock tells it (quotes allowed), or None."""
    text = text.strip().strip('"')
    if len(text) != 20 or text[2] + text[5] + text[8] + text[11] + text[14] != "//,::" or text[17] not in "+-":
        return None
    parts = [text[index : index + 2] for index in (0, 3, 6, 9, 12, 15, 18)]
    for part in parts:
        if not part.isdigit():
            return None
    year, month, day, hour, minute, second, quarters = [int(part) for part in parts]
    return from_local(2000 + year, month, day, hour, minute, second, quarters if text[17] == "+" else -quarters)


def shanghai_number(epoch: int) -> int:
    """The Shanghai day as a running number."""
    return (epoch + SHANGHAI_S) // DAY_S


def shanghai_midnight(number: int) -> int:
    """Epoch seconds at which the Shanghai day with this number begins."""
    return number * DAY_S - SHANGHAI_S


def day_text(number: int) -> str:
    """`YYYY-MM-DD` of a running day number."""
    year = 1970 + number // 366
    while _days(year + 1, 1, 1) <= number:
        year += 1
    month = 12
    while _days(year, month, 1) > number:
        month -= 1
    return "%04d-%02d-%02d" % (year, month, number - _days(year, month, 1) + 1)


class DeviceClock:
    """Maps uptime to epoch once the network has told the time. `build_epoch`: no true time lies before it."""

    def __init__(self, build_epoch: int) -> None:
        self._floor = build_epoch
        self._offset_ms: int | None = None  # epoch ms at uptime 0
        self._doubted: "tuple[int, int] | None" = None  # a time that contradicts, and when it was told

    @property
    def is_set(self) -> bool:
        """Whether the network has told the time in this boot."""
        return self._offset_ms is not None

    def set(self, epoch: int | None, now: int) -> bool:
        """Take a time of the network. False: refused, it cannot be true, or contradicts all that was told before."""
        if epoch is None or not self._floor <= epoch < self._floor + LIFE_S:
            return False
        running = self.epoch(now)
        if running is not None and abs(epoch - running) > JUMP_S and not self._confirmed(epoch, now):
            return False
        self._doubted = None
        self._offset_ms = epoch * 1_000 - now
        return True

    def _confirmed(self, epoch: int, now: int) -> bool:
        """Whether the network has said the same before."""
        if self._doubted is not None:
            told, at = self._doubted
            if abs(epoch - told - (now - at) // 1_000) <= _AGREE_S:
                return now - at >= _DOUBT_MS
        self._doubted = (epoch, now)
        return False

    def epoch(self, now: int) -> int | None:
        """Epoch seconds at an uptime (also a past one of this boot), or None while unset."""
        return None if self._offset_ms is None else (self._offset_ms + now) // 1_000

    def expired(self, exp: int, now: int) -> bool:
        """Whether a `not after` has passed. An unset clock cannot tell: what answers an open press then counts."""
        epoch = self.epoch(now)
        return epoch is not None and epoch > exp
