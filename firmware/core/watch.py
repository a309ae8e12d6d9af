"""Whether the program still works: beats of its tasks, starts that failed, a modem that stays silent.

In: beats and facts with the time (ms of uptime), what is stored of earlier starts. Out: who is late, how to start, what
to do as a last resort. Must never make a healthy terminal restart: every bound is above the longest honest wait.
"""

from protocol import const

# Task: ms after which it counts as stuck. The modem's waits behind one command, which may take 85 s, twice in a row.
LIMITS_MS = {"keys": 5_000, "modem": 200_000, "supervisor": 5_000}

NVS_FAILED = "failed"  # where the number of failed starts is kept
# Everything; calls without files and data; the smallest program.
FULL = const("full")
SAFE = const("safe")
BARE = const("bare")
_FAILED_SAFE = const(3)  # starts in a row
_FAILED_BARE = const(6)
HEALTHY_MS = 600_000  # a start that lived for so long did not fail
AGAIN_MS = 3_600_000  # after so long in another way than FULL that one is tried once
_COUNT_MAX = const(99)

_SILENT_MS = const(600_000)  # the driver has pressed PWRKEY many times by then
_SILENT_OPEN_MS = const(1_800_000)  # with a call or an alarm open: the talk may go on although the modem's UART is dead
_RESTARTS = const(3)  # before the whole board starts again


class Watch:
    """Freshness of every name of LIMITS_MS. A name that never beat is late as well, counted from the beginning."""

    def __init__(self, now: int) -> None:
        self._beats = {name: now for name in LIMITS_MS}

    def beat(self, name: str, now: int) -> None:
        """This one lives."""
        self._beats[name] = now

    def late(self, now: int) -> "list[str]":
        """Who has been quiet for too long."""
        return sorted([name for name in LIMITS_MS if now - self._beats[name] > LIMITS_MS[name]])


def failed(stored: "bytes | None") -> int:
    """Starts in a row that did not become healthy, as stored. Nonsense counts as none."""
    if not stored or len(stored) > 2 or stored.strip(b"0123456789"):
        return 0
    return int(stored)


def counted(before: int, cause: str) -> bytes:
    """What to store at a start. Power that comes and goes is no failure of ours."""
    return b"%d" % (before if cause == "power" else min(before + 1, _COUNT_MAX))


def again() -> bytes:
    """What to store so that FULL gets one try, and one failure is enough to come back."""
    return b"%d" % (_FAILED_SAFE - 1)


def mode(before: int) -> str:
    """How to start after so many failures."""
    if before >= _FAILED_BARE:
        return BARE
    return SAFE if before >= _FAILED_SAFE else FULL


class Silence:
    """A modem that does not answer, whatever its driver tries."""

    def __init__(self) -> None:
        self._since: "int | None" = None
        self._restarts = 0

    def decide(self, now: int, silent: bool, open_: bool) -> str:
        """`restart` the modem's power, `reboot` the board, or nothing. `open_`: a call or an alarm is under way."""
        if not silent:
            self._since = None
            self._restarts = 0
            return ""
        if self._since is None:
            self._since = now
        if now - self._since < (_SILENT_OPEN_MS if open_ else _SILENT_MS):
            return ""
        self._since = now
        self._restarts += 1
        return "restart" if self._restarts <= _RESTARTS else "reboot"
