"""From a finger to a tone and to `ATD`, and from a connection to a session: measured in simulated time.

In: scenes: data up or down, a command that holds the modem for as long as the manual allows. Out: samples in ms.
Every time runs from the moment in which the key's rule fires; the contact's own edge is given beside it.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.virtual.home import Home, Options, TooLateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Longest times of the vendor's manual, s. What happens to bring each about is in SCENES.
LONGEST = {
    "+CIPSHUT": 65.0,
    "+CGATT": 75.0,
    "+CSTT": 1.0,
    "+CIICR": 85.0,
    "+CIFSR": 1.0,
    "+CIPSTART": 160.0,
    "+CIMI": 20.0,
    "+CPIN": 5.0,
    "+CREG": 1.0,
    "+CSQ": 1.0,
    "+CMGS": 60.0,
}
INTO_S = 0.3  # the key goes down so long after the command began
AT_START = ("+CIMI", "+CPIN")  # given when the modem starts: the key goes down once calls are possible
STATUS = ("+CREG", "+CSQ")  # asked all the time, also without data
HOLD_MS = 1200
DIAL_LIMIT_S = 200.0
MET_LIMIT_S = 1_500.0


@dataclass
class Sample:
    """One press; ms. None where it did not happen in time."""

    scene: str
    edge_to_feedback: float | None = None
    edge_to_fire: float | None = None
    fire_to_feedback: float | None = None
    fire_to_dial: float | None = None

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def press(home: Home, scene: str, key: str = "sos", held_ms: int = HOLD_MS, after_s: float = 0.0) -> Sample:
    """Press and look: the first sign, the rule's moment, the sign after it, the dial."""
    sample = Sample(scene)
    mark = home.press(key, held_ms, after_s)
    try:
        dial = home.until(DIAL_LIMIT_S, mark, who="modem", ev="dial")
    except TooLateError:
        dial = None
    edge = home.find(mark, who="hand", key=key)
    fire = home.find(mark, who="rig", fire=key)
    if edge is None or fire is None:
        return sample
    home.wait(1)
    sample.edge_to_fire = _ms(edge, fire)
    sample.edge_to_feedback = _ms(edge, _sign(home, edge))
    sample.fire_to_feedback = _ms(fire, _sign(home, fire))
    sample.fire_to_dial = _ms(fire, dial)
    return sample


def _sign(home: Home, after: dict[str, Any]) -> dict[str, Any] | None:
    """The first lamp or tone after a line."""
    at = home.world.lines.index(after)
    for line in home.world.lines[at + 1 :]:
        if line["who"] == "terminal" and ("lamp" in line or "beep" in line):
            return line
    return None


def _ms(one: dict[str, Any], other: dict[str, Any] | None) -> float | None:
    return None if other is None else round((other["us"] - one["us"]) / 1000, 1)


# Scenes. Each gets a home that is connected and at rest.


def data_down(home: Home, presses: int) -> Iterator[Sample]:
    """No data link: SOS and a service key, at moments that fall anywhere into the modem's own doings."""
    home.modem.data.set_service("off")
    home.until(120, note="disconnected")
    for number in range(presses):
        home.wait(31.7 + 7.3 * number)
        key, held = ("sos", HOLD_MS) if number % 3 else ("k1", 300)
        mark = home.mark()
        yield press(home, f"data down, {key}", key, held)
        home.until(900, mark, note="done")


def blocked(home: Home, command: str) -> Sample:
    """The key goes down just after a command began that holds its channel for as long as the manual allows."""
    seconds = LONGEST[command]
    scene = f"in {command} ({seconds:.0f} s)"
    home.modem.blocks[command] = seconds
    mark = home.mark()
    _provoke(home, command)
    try:
        home.until(MET_LIMIT_S, mark, who="modem", ev="blocked", command=command)
    except TooLateError:
        return Sample(scene + ", not met")
    if command in AT_START:
        home.until(60, mark, who="modem", ev="registered")
        # The hold that fires must end inside the command, and just after calls have become possible.
        return press(home, scene, "k1", 150, after_s=0.1)
    return press(home, scene, after_s=INTO_S if seconds > 1 else 0.0)


def _provoke(home: Home, command: str) -> None:
    """Bring about that the terminal gives this command."""
    if command in AT_START:
        home.modem.data.set_service("off")
        home.modem.restart("cycle")
    elif command in STATUS:
        home.modem.data.set_service("off")
    elif command == "+CMGS":
        home.quick_numbers(kind="busy")
        home.press()
    else:
        home.modem.data.deactivate()


def no_route(home: Home, presses: int) -> Iterator[Sample]:
    """Data is up, and nobody says where to call: the cloud is silent; at last the network swallows everything."""
    home.responder.plan = None
    for number in range(presses):
        last = number == presses - 1
        if last:
            home.modem.data.set_service("blackhole")
        mark = home.mark()
        yield press(home, "data up, black hole" if last else "data up, no route", after_s=2.0)
        home.until(900, mark, note="done")
        home.wait(60)


def connect(home: Home, tries: int) -> Iterator[dict[str, float]]:
    """Seconds from `AT+CIPSTART` to the end of TLS, to CONNACK, and until everything is subscribed and said."""
    for _ in range(tries):
        mark = home.mark()
        home.modem.blocks["+CIPSTART"] = 1e-6  # only to be told when it begins
        home.modem.data.deactivate()
        done = home.until(300, mark, note="connected")
        begun = home.find(mark, who="modem", ev="blocked")
        secure, session = home.find(mark, mark="secure"), home.find(mark, mark="session")
        if begun is not None and secure is not None and session is not None:
            yield {
                name: round((line["us"] - begun["us"]) / 1e6, 2)
                for name, line in (("tls", secure), ("connack", session), ("subscribed", done))
            }
        home.wait(30)


def with_home(options: Options, scene: Callable[[Home], Any]) -> Any:
    """A fresh home, connected and settled, for one scene."""
    with tempfile.TemporaryDirectory(prefix="okcbench") as folder:
        home = Home(Path(folder), options)
        try:
            home.start()
            home.wait(20)
            return scene(home)
        finally:
            home.close()
