"""One home in simulated time: the terminal's process, the line, the modem, keys, and whatever a script does to them.

In: key presses, plans of numbers, faults, all at world times. Out: lines of everybody, stamped in world microseconds.
It advances everything to the earliest next happening and never skips one; time never runs back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from protocol.codes import KEYS
from tools.modem.core import Modem
from tools.modem.timers import Timers
from tools.virtual.child import PIECE_MAX, Action, Child, Launch
from tools.virtual.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Internet
    from tools.virtual.child import Frame

START = 1_900_051_200  # 18 March 2030, 16:00 in Beijing, in seconds since 1970
SECOND = 1_000_000
BOOT_US = 800_000  # from power to the first line of main.py on an ESP32 with frozen code
WATCHDOG_US = 15 * SECOND  # of firmware/hal/parts.py; without a feed, once there was one
CUT_US = 2 * SECOND  # without power, where a write was cut
NEVER = 1 << 62
FLAG_STATUS = 1


class World:
    """Start with `power_on`; `run_until` lets time pass. All times in µs since the world began. `modem`: of Modem."""

    def __init__(
        self,
        launch: Launch,
        internet: Callable[[World], Internet],
        *,
        seed: int = 1,
        **modem: Any,
    ) -> None:
        self.launch = launch
        self.seed = seed
        self.now = 0
        self.lines: list[dict[str, Any]] = []  # of terminal, modem and hands: {"us", "who", …}
        self.on_line: Callable[[dict[str, Any]], None] | None = None
        self.up = Line()
        self.down = Line()
        self.timers = Timers(START)  # of the world; the modem has its own, which a power cut clears
        self.modem_timers = Timers(START)
        self.modem = Modem(self.modem_timers, self, internet(self), **modem)
        self.child: Child | None = None
        self.boots = 0
        self.watchdog_resets = 0
        self.reboots = 0
        self.running = False  # help is being called, as the terminal's ladder has it
        self.levels = 0
        self.lost = 0  # bytes on the line when somebody lost power
        self.heap: list[tuple[int, int]] = []  # world time, bytes free after a collection
        self.next_cut = 0  # the next start ends at its n-th write to storage
        self._frame: Frame | None = None
        self._told_levels = 0
        self._fed: int | None = None
        self._rx = b""

    # Sink of the modem.

    def write(self, data: bytes) -> None:
        """Bytes of the modem."""
        self.down.write(self.now, data)

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """What happened in the modem."""
        self.tell("modem", {"ev": name, **fields})

    def tell(self, who: str, line: dict[str, Any]) -> None:
        """One line of the transcript."""
        stamped = {"us": self.now, "who": who, **line}
        self.lines.append(stamped)
        if self.on_line is not None:
            self.on_line(stamped)

    # Hands.

    def at(self, us: int, do: Callable[[], object]) -> None:
        """Do it at that time."""
        self.timers.after((us - self.now) / SECOND, do)

    def press(self, key: str, held_ms: int, at: int | None = None) -> None:
        """A contact closes, and opens again `held_ms` later."""
        begin = self.now if at is None else at
        bit = 1 << KEYS.index(key)

        def close() -> None:
            self.levels |= bit
            self.tell("hand", {"key": key, "held_ms": held_ms})

        def open_() -> None:
            self.levels &= ~bit
            self.tell("hand", {"key": key, "released": True})

        self.at(begin, close)
        self.at(begin + held_ms * 1000, open_)

    def power_on(self, cause: str = "power") -> None:
        """The terminal starts."""
        self.boots += 1
        self.tell("world", {"boot": self.boots, "cause": cause})
        launch = self.launch
        if self.next_cut:
            launch = replace(launch, more=(*launch.more, "--cut", str(self.next_cut)))
            self.next_cut = 0
        self.child = Child(launch, self.now, cause, self.seed * 1_000_000 + self.boots)
        self._frame = None
        self._fed = None
        self._told_levels = 0
        self._rx = b""

    def power_cut(self) -> None:
        """SIGKILL, wherever it is; the modem is another matter."""
        if self.child is not None:
            self.child.kill()
            self.child = None
            self._frame = None
            self.lost += self.down.clear()
            self.running = False
            self.tell("world", {"cut": self.boots})

    def feed_at(self, us: int) -> None:
        """The watchdog was fed then, for the last time so far."""
        self._fed = us

    def restart(self, cause: str, after_us: int = BOOT_US) -> None:
        """A reset of the chip: the process ends and begins anew."""
        self.power_cut()
        self.at(self.now + after_us, lambda: self.power_on(cause))

    def close(self) -> None:
        """End the process."""
        self.power_cut()

    # Time.

    def run_for(self, seconds: float, done: Callable[[], bool] | None = None) -> bool:
        """Let so much time pass, or less once `done()`; whether it is done."""
        return self.run_until(self.now + int(seconds * SECOND), done)

    def run_until(self, us: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass up to `us`, or until `done()` says so after something happened."""
        while self.now < us:
            if done is not None and done():
                return True
            if self.child is None:
                self._advance(self._next(us))
            elif self._frame is None:
                self._hear(self.child, self.child.receive())
            elif not self._wake(self.child, self._frame, us):
                break
        return done is not None and done()

    def _hear(self, child: Child, frame: Frame) -> None:
        """What the terminal did, in its order, at its times."""
        self._frame = frame
        for action in frame.actions:
            self._pass(max(self.now, action.at))
            self._do(action)
            if self.child is not child:
                return  # it asked for its own end
        self._pass(max(self.now, frame.now))

    def _do(self, action: Action) -> None:
        if action.kind == "u":
            self.up.write(self.now, action.data)
        elif action.kind == "n":
            self.tell("terminal", json.loads(action.data))
        elif action.kind == "w":
            self.feed_at(self.now)
        elif action.kind == "f":
            self.tell("rig", {"fire": action.data.decode()})
        elif action.kind == "r":
            self.running = action.data == b"1"
            self.tell("rig", {"running": self.running})
        elif action.kind == "m":
            self.tell("rig", {"mark": action.data.decode()})
        elif action.kind == "h":
            self.heap.append((self.now, int.from_bytes(action.data, "little")))
        elif action.kind == "o":
            kind, fields = json.loads(action.data)
            self.tell("rig", {"kept": kind, "fields": fields} if kind else {"dropped": fields["id"]})
        elif action.kind == "x":
            self.reboots += 1
            self.restart("command")
        elif action.kind == "d":
            self.restart("power", CUT_US)
        elif action.kind in "ks":
            self._switch(action.kind, on=action.data == b"1")
        else:
            raise ValueError(f"no board does {action.kind}")

    def _switch(self, kind: str, *, on: bool) -> None:
        self.tell("world", {"pwrkey" if kind == "k" else "supply": on})
        if kind == "s":
            self.modem.supply(on=on)
        elif on:
            self.modem.pwrkey_down()
        else:
            self.modem.pwrkey_up()

    def _wake(self, child: Child, frame: Frame, limit: int) -> bool:
        """Advance until the terminal has a reason to go on, and let it; False if the limit came first."""
        while True:
            due = frame.wake is not None and frame.wake <= self.now
            if due or self._rx or self.levels != self._told_levels:
                break
            if self._starved():
                self.watchdog_resets += 1
                self.restart("watchdog")
                return True
            if self.now >= limit:
                return False
            self._advance(self._next(min(self._patience(), limit if frame.wake is None else frame.wake, limit)))
            if self.child is not child:
                return True
        piece, self._rx = self._rx[:PIECE_MAX], self._rx[PIECE_MAX:]
        self._frame = None
        self._told_levels = self.levels
        horizon = self.now if child.factor else self._next(min(limit, self._patience()))
        flags = FLAG_STATUS if self.modem.running else 0
        child.answer(self.now, horizon, self.levels, flags, piece)
        return True

    def _patience(self) -> int:
        """When the watchdog bites."""
        return NEVER if self._fed is None else self._fed + WATCHDOG_US

    def _starved(self) -> bool:
        return self.now >= self._patience()

    def _next(self, limit: int) -> int:
        """The earliest time at which anything outside the terminal happens, `limit` at most."""
        soonest = limit
        for timers in (self.timers, self.modem_timers):
            due = timers.next_at()
            if due is not None:
                soonest = min(soonest, -int(-(due - START) * SECOND // 1))
        for line in (self.up, self.down):
            at = line.next_at()
            if at is not None:
                soonest = min(soonest, at)
        return max(soonest, self.now)

    def _pass(self, us: int) -> None:
        """Everything that happens outside up to then."""
        while self.now < us:
            self._advance(self._next(us))
        self._advance(us)

    def _advance(self, us: int) -> None:
        self.now = max(self.now, us)
        # Half a microsecond more: what is due at this microsecond must not miss it by rounding.
        seconds = START + (self.now + 0.5) / SECOND
        self.timers.advance(seconds)
        self.modem_timers.advance(seconds)
        arrived = self.down.take(self.now)
        if self.child is not None:
            self._rx += arrived
        else:
            self.lost += len(arrived)
        received = self.up.take(self.now)
        if received:
            self.modem.feed(received)
            self.modem_timers.advance(self.modem_timers.now)
