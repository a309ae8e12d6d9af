"""Who may ring through to the terminal.

In: a caller's number as the network tells it, the allowed numbers, the time since the last SOS.
Out: what to do with the call. Never lets an unknown voice into the home.
"""

from protocol import const

_NUMBER_DIGITS_MIN = const(3)


def normal(number: str) -> str:
    """A number without country code and trunk zero, so that `+861055500001` and `01055500001` are the same."""
    digits = number.strip()
    if digits.startswith("+86"):
        digits = digits[3:]
    elif digits.startswith("0086"):
        digits = digits[4:]
    return digits.lstrip("+0")


def same_number(one: str, other: str) -> bool:
    """Whether two spellings mean one line. A withheld or tiny number is nobody's."""
    first = normal(one)
    return len(first) >= _NUMBER_DIGITS_MIN and first == normal(other)


def decide(number: str, allowed: list[str], back_ms: int, since_sos_ms: int | None) -> str:
    """`answer`: an allowed caller rings back soon after an SOS; `ring`: allowed; `refuse`: not allowed or withheld."""
    if not [one for one in allowed if same_number(one, number)]:
        return "refuse"
    return "answer" if since_sos_ms is not None and since_sos_ms <= back_ms else "ring"


class Announced:
    """A time in which one number, or any that is allowed, is answered by itself: the desk asked for it by command."""

    def __init__(self) -> None:
        self._number = ""
        self._until_ms = 0

    def open(self, number: str, minutes: int, now: int) -> None:
        """From now on; a later one replaces it. An empty number: whoever is allowed."""
        self._number = number
        self._until_ms = now + minutes * 60_000

    def covers(self, number: str, allowed: "list[str]", now: int) -> bool:
        """Whether this caller is answered now."""
        if now >= self._until_ms:
            return False
        return bool([one for one in ([self._number] if self._number else allowed) if same_number(one, number)])
