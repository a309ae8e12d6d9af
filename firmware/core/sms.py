"""Who gets a short message about an alarm, and who has had it.

In: numbers, what became of each try, the passing of time. Out: the next message to send.
Two waves at most: when the first cycle found nobody, and once more when an SOS found nobody at all. Nobody gets a
message of one wave twice, whatever restarts: a message under way at a reset counts as sent.
"""

from firmware.core.callers import normal, same_number
from protocol import const
from protocol.fields import LABEL_CHARS_MAX, NUMBER_CHARS_MAX, NUMBER_CHARS_MIN, SMS_NUMBERS_MAX

_TRIES = const(3)  # of one message; the card's centre that refuses three times will refuse the fourth
AGAIN_MS = const(30_000)  # between two tries for one number: a cell that was full may have room
FLIGHT_MS = const(90_000)  # the manual's 60 s and some: after that nobody knows what became of it
# Waves.
FIRST = const(1)
LAST = const(2)

_DIGITS = const("+0123456789")


def is_mobile(number: str) -> bool:
    """Whether a number of the plan can read: a mainland mobile, 1[3-9] and nine more digits."""
    digits = normal(number)
    return len(digits) == 11 and digits[0] == "1" and digits[1] in "3456789" and digits.isdigit()


def people(plan: list[tuple[str, str, int, int]], numbers: list[str] | None) -> list[tuple[str, str]]:
    """(number, label) of everybody to text, five at most: the configured numbers, or every mobile of the plan."""
    out: list[tuple[str, str]] = []
    for number in [rung[1] for rung in plan if is_mobile(rung[1])] if numbers is None else numbers:
        right = NUMBER_CHARS_MIN <= len(number) <= NUMBER_CHARS_MAX and not number.strip(_DIGITS)
        if right and len(out) < SMS_NUMBERS_MAX and not [one for one in out if same_number(one[0], number)]:
            labels = [rung[0] for rung in plan if same_number(rung[1], number)]
            out.append((number, labels[0] if labels else "短信%d" % (len(out) + 1)))
    return out


class Texts:
    """The short messages of one alarm."""

    def __init__(self) -> None:
        self.wave = 0  # 0: nobody needs one yet
        self.begun = 0  # uptime at which this wave began
        self._to: list[tuple[str, str]] = []
        self._tries: list[int] = []
        self._over: list[bool] = []  # sent, given up, or under way when the terminal restarted
        self._again: list[int] = []  # uptime before which it is not tried again
        self.serial = 0
        self._flying: tuple[int, str, int] | None = None  # message under way: index (-1: of the last wave), label, try
        self._flown = 0

    def follow(self, before: "Texts") -> None:
        """Those of the alarm before this: what is told about a message of theirs must not be taken for one of ours."""
        self.serial = before.serial

    def begin(self, wave: int, to: list[tuple[str, str]], now: int) -> bool:
        """A wave begins; False if it has, or a later one. What the wave before still owed is in this one."""
        if wave <= self.wave:
            return False
        self.wave, self.begun = wave, now
        self._to = to
        self._tries = [0] * len(to)
        self._over = [False] * len(to)
        self._again = [now] * len(to)
        if self._flying is not None:
            self._flying = (-1, self._flying[1], self._flying[2])
        return True

    @property
    def pending(self) -> bool:
        """Whether somebody still waits for a message."""
        return False in self._over

    def at_work(self, now: int) -> bool:
        """Whether a message is under way or could go now."""
        return self._flying is not None or self._ready(now) is not None

    def next(self, now: int) -> tuple[int, str] | None:
        """(serial, number) of the message to send now; spent from here on. One at a time."""
        if self._flying is not None and now - self._flown >= FLIGHT_MS:
            self._flying = None
        index = self._ready(now) if self._flying is None else None
        if index is None:
            return None
        self.serial += 1
        self._tries[index] += 1
        self._flying, self._flown = (index, self._to[index][1], self._tries[index]), now
        self._again[index] = now + AGAIN_MS
        return self.serial, self._to[index][0]

    def told(self, serial: int, sent: bool) -> tuple[str, str, int] | None:
        """What became of a try: (event, label, tries) once the message is sent or given up, else None."""
        if serial != self.serial or self._flying is None:
            return None
        index, label, tries = self._flying
        self._flying = None
        if not sent and (tries < _TRIES or index < 0):
            return None
        if index >= 0:
            self._over[index] = True
        return "sms_sent" if sent else "sms_failed", label, tries

    def _ready(self, now: int) -> int | None:
        best = None
        for index in range(len(self._to)):
            owed = not self._over[index] and self._tries[index] < _TRIES and now >= self._again[index]
            if owed and (best is None or self._tries[index] < self._tries[best]):
                best = index
        return best

    def dump(self) -> list[object] | None:
        """To store: [wave, [[number, label, tries, over 0/1], ...]]; None before the first wave."""
        if not self.wave:
            return None
        rows = []
        for index in range(len(self._to)):
            flying = self._flying is not None and self._flying[0] == index
            over = 1 if self._over[index] or flying else 0
            rows.append([self._to[index][0], self._to[index][1], self._tries[index], over])
        return [self.wave, rows]

    def restore(self, dump: object, now: int) -> None:
        """From storage. What does not fit is as good as sent: no storm of messages after a reset."""
        if not isinstance(dump, (list, tuple)) or len(dump) != 2 or dump[0] not in (FIRST, LAST):
            return
        rows = dump[1] if isinstance(dump[1], (list, tuple)) else []
        good = [row for row in rows[:SMS_NUMBERS_MAX] if _fits(row)]
        self.begin(dump[0], [(row[0], row[1]) for row in good], now)
        self._tries = [row[2] for row in good]
        self._over = [bool(row[3]) or row[2] >= _TRIES for row in good]


def _fits(row: object) -> bool:
    if not isinstance(row, (list, tuple)) or len(row) != 4:
        return False
    texts = isinstance(row[0], str) and isinstance(row[1], str) and 1 <= len(row[1]) <= LABEL_CHARS_MAX
    return texts and isinstance(row[2], int) and 0 <= row[2] <= _TRIES and row[3] in (0, 1)
