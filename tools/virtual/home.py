"""A home ready to be tried: terminal, modem, numbers that answer, broker and cloud, put together in one folder.

In: a folder, a seed, what differs from the usual. Out: a `Home` with hands to press, wait and look.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tools.modem.network import Network, Plan
from tools.virtual import tls
from tools.virtual.broker import Broker
from tools.virtual.child import Launch
from tools.virtual.cloud import Responder
from tools.virtual.internet import Internet
from tools.virtual.world import SECOND, World

if TYPE_CHECKING:
    from pathlib import Path

    from tools.modem.faults import Faults
    from tools.modem.pace import Pace

DEVICE = "VIRT01"
PASSWORD = "virtual-password"  # noqa: S105 - of a terminal that exists nowhere
HOST = "broker.example"
DESK, FAMILY = "01055500000", "13800000001"
ROUTE: list[list[Any]] = [["家人", FAMILY, 25, 0], ["值班台", DESK, 40, 1]]
CONNECT_LIMIT_S = 300.0


class TooLateError(Exception):
    """What was waited for did not happen in time; the text says what."""


@dataclass
class Options:
    """What differs from the usual."""

    seed: int = 1
    factor: float = 0.0
    heap: str = "4M"
    tls: bool = False
    pace: Pace | None = None
    cmux: bool = True
    faults: Faults | None = None
    route: list[list[Any]] | None = field(default_factory=lambda: list(ROUTE))
    answer: Plan = field(default_factory=lambda: Plan(after=4.0, talk=15.0))
    more: tuple[str, ...] = ()


class Home:
    """One terminal with everything around it. `close` ends its process."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.options = options
        (folder / "fs").mkdir(parents=True, exist_ok=True)
        self.trust = tls.make(folder / "pki", HOST) if options.tls else None
        roots = ("--roots", str(self.trust.roots)) if self.trust else ()
        port = 8883 if options.tls else 1883
        launch = Launch(
            folder / "fs", DEVICE, f"{HOST}:{port}", PASSWORD,
            factor=options.factor, heap=options.heap, more=(*roots, *options.more),
        )  # fmt: skip
        self.broker = Broker({DEVICE: PASSWORD})
        self.network = Network(default=options.answer)
        self.world = World(
            launch, self._internet, seed=options.seed, network=self.network,
            cmux=options.cmux, pace=options.pace, faults=options.faults,
        )  # fmt: skip
        self.modem = self.world.modem
        self.responder = Responder(self.world, self.broker, options.route)
        self.marks = 0

    def _internet(self, world: World) -> Internet:
        self.internet = Internet(world, self.broker, self.trust.server if self.trust else None)
        return self.internet

    def start(self) -> None:
        """Power for both, and wait until the session stands."""
        self.modem.power_on()
        self.world.power_on()
        self.until(CONNECT_LIMIT_S, note="connected")

    def close(self) -> None:
        """End it."""
        self.world.close()

    # Looking.

    def mark(self) -> int:
        """Where the lines stand."""
        return len(self.world.lines)

    def find(self, since: int, **like: object) -> dict[str, Any] | None:
        """The first line since a mark that is like this."""
        lines = self.world.lines
        for at in range(since, len(lines)):
            if fits(lines[at], like):
                return lines[at]
        return None

    def until(self, limit_s: float, since: int | None = None, **like: object) -> dict[str, Any]:
        """Let time pass until there is such a line."""
        seen = self.mark() if since is None else since
        found: dict[str, Any] | None = None

        def done() -> bool:
            nonlocal seen, found
            found = found or self.find(seen, **like)
            seen = len(self.world.lines)
            return found is not None

        if not self.world.run_for(limit_s, done) or found is None:
            raise TooLateError(f"no {like} within {limit_s:.0f} s of {self.world.now / SECOND:.3f} s")
        return found

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_for(seconds)

    # Hands.

    def press(self, key: str = "sos", held_ms: int = 1200, after_s: float = 0.0) -> int:
        """Press; the mark from before it."""
        mark = self.mark()
        self.world.press(key, held_ms, self.world.now + int(after_s * SECOND))
        return mark

    def settle(self, since: int, limit_s: float = 900.0) -> None:
        """Until the alarm of a press is over and its messages are receipted."""
        self.until(limit_s, since, note="done")
        if self.find(since, note="receipt", left=0) is None:
            self.until(limit_s, note="receipt", left=0)

    def quick_numbers(self, **changes: Any) -> None:
        """Everybody answers so."""
        self.network.set_plan("default", replace(self.network.default, **changes))


def fits(line: dict[str, Any], like: dict[str, object]) -> bool:
    """Whether a line has these members."""
    return all(name in line and line[name] == value for name, value in like.items())
