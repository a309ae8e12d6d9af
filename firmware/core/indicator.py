"""Lamp and tones: what the elder sees and hears.

In: facts about start-up, registration, data, faults, the ladder's phase and the desk's own word.
Out: ("lamp", state) on every change, ("beep", name).
The lamp says `accepted` only when a person at the desk has said so, never because a message was delivered. While help
is being called there is a sound at least every 5 s, except in a talk.
"""

from protocol import const

# state: (colour, ((on ms, off ms), ...)) repeated; off 0 is steady. Red is trouble, blue is work, green is well.
LAMPS = {
    "off": ("none", ((0, 1_000),)),
    "starting": ("blue", ((100, 900),)),
    "ready": ("green", ((50, 4_950),)),
    "no_data": ("green", ((50, 200), (50, 4_700))),
    "no_voice": ("red", ((200, 800),)),
    "pressed": ("blue", ((300, 0),)),
    "calling": ("blue", ((300, 300),)),
    "ringing": ("blue", ((700, 300),)),
    "talking": ("blue", ((1_000, 0),)),
    "accepted": ("green", ((500, 500),)),
    "on_the_way": ("green", ((1_000, 0),)),
    "nobody": ("red", ((500, 500),)),
    "fault": ("red", ((50, 4_950),)),
}

# name: ((Hz, ms), ...); 0 Hz is a pause.
BEEPS = {
    "key": ((2_000, 60),),
    "sos": ((1_500, 150), (0, 50), (2_000, 250)),
    "calling": ((900, 150),),
    "ringing": ((1_200, 150), (0, 100), (1_200, 150)),
    "answered": ((1_500, 100), (2_000, 100)),
    "accepted": ((1_200, 150), (1_600, 150), (2_000, 300)),
    "ended": ((1_200, 100), (800, 200)),
    "busy": ((500, 200), (0, 200), (500, 200)),
    "nobody": ((500, 400), (0, 200), (500, 400)),
    "cancelled": ((1_000, 150), (600, 300)),
    "no_network": ((400, 200), (0, 100), (400, 200), (0, 100), (400, 200)),
    "low_battery": ((800, 80), (0, 80), (600, 80)),
    # Nobody can be called: the neighbours must hear it. Loud where a buzzer resonates, and nearly without a pause.
    "siren": ((2_400, 600), (2_900, 600), (2_400, 600), (2_900, 600), (2_400, 600), (2_900, 600)),
}

_PRESSED_MS = const(300)  # long enough to be seen, short enough for a second press to be seen too
# Said again while help is being called and nobody talks; below 5 s with the time between two ticks.
REPEAT_MS = const(4_500)
REPEATED = {
    "calling": "calling",
    "ringing": "ringing",
    "no_voice": "no_network",
    "no_sim": "siren",
    "nobody": "nobody",
}


def lamp(facts: dict[str, object], phase: str | None, desk: str | None, pressed: bool) -> str:
    """The one state to show: the first that holds, the most important first."""
    ladder = (
        ("talking", phase == "talking"),
        ("pressed", pressed),
        ("ringing", phase == "ringing"),
        ("calling", phase == "calling"),
        # Between two calls the desk's word stands over everything that the terminal itself has to say.
        ("on_the_way", desk == "on_the_way"),
        ("accepted", desk == "accepted"),
        ("nobody", phase == "nobody"),
        ("no_voice", phase in ("no_voice", "no_sim")),
        ("starting", not facts.get("started")),
        ("no_voice", not facts.get("voice")),
        ("fault", facts.get("fault")),
        ("no_data", not facts.get("data")),
    )
    for state, holds in ladder:
        if holds:
            return state
    return "ready"


class Indicator:
    """The lamp and the buzzer of one terminal."""

    def __init__(self) -> None:
        self._facts: dict[str, object] = {}
        self._phase: str | None = None
        self._desk: str | None = None
        self._shown: str | None = None
        self._pressed_until = 0
        self._last_beep = 0
        self._queue: list[str] = []

    def facts(
        self, now: int, *, started: bool, voice: bool, data: bool, fault: bool, ladder: dict[str, str | None]
    ) -> None:
        """What is so now. `ladder`: the ladder's view."""
        self._facts = {"started": started, "voice": voice, "data": data, "fault": fault}
        self._phase = ladder["phase"]
        self._desk = ladder["desk"]

    def feedback(self, key: str, now: int) -> None:
        """A key went down: light and tone with the next tick, before any other tone that waits."""
        self._pressed_until = now + _PRESSED_MS
        self._queue.insert(0, "key")

    def tone(self, beep: str, now: int) -> None:
        """A tone that the ladder asks for. The same one twice in a tick is heard once."""
        if beep not in self._queue:
            self._queue.append(beep)

    def tick(self, now: int) -> list[tuple[str, str]]:
        """Changes of the lamp, and tones."""
        out: list[tuple[str, str]] = []
        shown = lamp(self._facts, self._phase, self._desk, now < self._pressed_until)
        if shown != self._shown:
            self._shown = shown
            out.append(("lamp", shown))
        if not self._queue and self._phase in REPEATED and now - self._last_beep >= REPEAT_MS:
            self._queue.append(REPEATED[self._phase])
        for beep in self._queue:
            self._last_beep = now
            out.append(("beep", beep))
        self._queue = []
        return out
