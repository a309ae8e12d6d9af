"""What the terminal says aloud, where its modem can speak.

In: the ladder's view, whether the line is in use, the passing of time. Out: the code of a prompt to begin, or None.
Never while a call is up, being set up or being hung up; a lamp and tones say the same all the time.
"""

from protocol import const

AGAIN_MS = const(15_000)  # between two times of the same prompt while nothing changes
_ONCE = const(("started", "calling_desk", "calling_family", "accepted", "on_the_way", "cancelled"))


class Speech:
    """One voice. `tick` about every 100 ms."""

    def __init__(self) -> None:
        self._ref: str | None = None
        self._said: dict[str, int] = {}  # prompt: uptime, in this alarm
        self._over: str | None = None

    def done(self, how: str) -> None:
        """An alarm ended."""
        self._over = how

    def tick(self, now: int, view: dict[str, object], free: bool) -> str | None:
        """What to say now. `view`: of the ladder; `free`: no call, and nothing is being said."""
        ref = view["ref"]
        if isinstance(ref, str) and ref != self._ref:
            self._ref = ref
            self._said = {}
            self._over = None
        if not free:
            return None
        for code in self._wanted(view):
            at = self._said.get(code)
            if at is None or (code not in _ONCE and now - at >= AGAIN_MS):
                self._said[code] = now
                return code
        return None

    def _wanted(self, view: dict[str, object]) -> list[str]:
        """What would be true to say, the most important first."""
        if self._over == "cancelled":
            return ["cancelled"]
        desk = view["desk"]
        if desk in ("accepted", "on_the_way"):
            return [str(desk)]
        if view["ref"] is None:
            return []
        if view["phase"] in ("no_voice", "no_sim"):
            return [str(view["phase"])]
        if view["tries"]:
            return ["unanswered"]
        first = ["started"] if view["key"] == "sos" else []
        return first + (["calling_desk"] if view["staffed"] else ["calling_family"])
