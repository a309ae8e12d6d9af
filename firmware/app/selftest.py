"""The terminal's test of itself: once a week by day, and by command.

In: facts of all parts. Out: a bit mask of codes.SELFTEST_PARTS in the heartbeat, selftest_failed and its twin, figures.
Must never make a sound, take the line, nor run while somebody needs help. What it cannot test it calls untested: a
SIM800 has no way to hear its own loudspeaker, so microphone and speaker are proven by a talk and by nothing else.
"""

import asyncio

from firmware.core import limits
from firmware.core.power import NORMAL
from firmware.core.schedule import SelfTest as Schedule
from firmware.modem.command import ATError
from protocol import codes, const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.app.config import Config
    from firmware.app.storage import Storage
    from firmware.app.telemetry import Telemetry

_FILE = const("selftest")
_PROBE = const("probe")
_LOOK_S = const(30.0)
_RETRY_MS = const(900_000)  # after a test that an alarm interrupted


class SelfTest:
    """Start `run` as a task; `pressed` for each fired key."""

    def __init__(self, device: str, telemetry: "Telemetry", storage: "Storage", config: "Config") -> None:
        self.telemetry = telemetry
        self.storage = storage
        self.config = config
        self.unpressed = (1 << len(codes.KEYS)) - 1  # keys that never fired since installation, bit 0 is the first
        self.untested = 0
        self._schedule = Schedule(device)
        self._last: int | None = None  # epoch of the last test
        self._try_ms = 0
        self._changed = False
        stored = storage.read(_FILE)
        if isinstance(stored, dict):
            last, failed, unpressed = stored.get("at"), stored.get("failed"), stored.get("unpressed")
            self._last = last if isinstance(last, int) else None
            telemetry.beats.failed = failed & self._all() if isinstance(failed, int) else None
            self.unpressed = unpressed & self.unpressed if isinstance(unpressed, int) else self.unpressed

    @staticmethod
    def _all() -> int:
        return (1 << len(codes.SELFTEST_PARTS)) - 1

    def pressed(self, key: str) -> None:
        """A key fired. Returns at once."""
        left = self.unpressed & ~(1 << codes.KEYS.index(key))
        if left != self.unpressed:
            self.unpressed = left
            self._changed = True

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look(self.telemetry.board.now())

    async def look(self, now: int) -> None:
        """Test if it is time, and keep what changed."""
        telemetry = self.telemetry
        if self._changed and not telemetry.busy():
            self._store()
        epoch = telemetry.mail.clock.epoch(now)
        days = limits.limit(self.config.times(), "test_days")
        if telemetry.busy() or telemetry.supply.level != NORMAL or now < self._try_ms:
            return
        if self._schedule.due(now, epoch, self._last, days):
            self._try_ms = now + _RETRY_MS
            await self.test()

    async def test(self) -> "int | None":
        """Returns the mask of what failed; None if an alarm came between, which comes first and falsifies the rest."""
        failed, self.untested = await self._parts()
        telemetry = self.telemetry
        if telemetry.busy():
            return None
        if failed:
            telemetry.fault("selftest_failed", failed)
        else:
            telemetry.restore("selftest_failed")
        telemetry.beats.failed = failed
        now = telemetry.board.now()
        self._last = telemetry.mail.clock.epoch(now)
        self._store()
        return failed

    def figures(self, failed: int) -> "list[list[object]]":
        """What a result tells beyond the mask."""
        telemetry = self.telemetry
        modem, cell_mv = telemetry.modem, telemetry.supply.cell_mv()
        out: "list[list[object]]" = [["failed", failed], ["untested", self.untested], ["unpressed", self.unpressed]]
        out += [["csq", modem.csq], ["reg", modem.reg], ["restarts", modem.restarts]]
        if cell_mv is not None:
            out.append(["mv", cell_mv])
        return out

    async def _parts(self) -> "tuple[int, int]":
        """Masks of what failed and of what could not be tested."""
        telemetry = self.telemetry
        modem, supply = telemetry.modem, telemetry.supply
        try:
            await modem.at.command("AT")
            answers = True
        except ATError:
            answers = False
        await modem.refresh()
        client = telemetry.link.client
        verdicts: "dict[str, bool | None]" = {
            "modem": answers and modem.ready,
            "sim": bool(modem.sim),
            "voice": modem.registered(),
            "data": client is not None and not client.failed if supply.data() else None,
            "battery": None if supply.cell_mv() is None else not supply.power.failing,
            "keys": "key_stuck" not in telemetry.faults and True not in telemetry.board.levels(),
            "storage": self._stores(),
            "clock": telemetry.mail.clock.is_set,
        }
        failed = untested = 0
        for at in range(len(codes.SELFTEST_PARTS)):
            verdict = verdicts.get(codes.SELFTEST_PARTS[at])
            if verdict is None:
                untested |= 1 << at
            elif not verdict:
                failed |= 1 << at
        return failed, untested

    def _stores(self) -> bool:
        """Whether what is written can be read again."""
        if self.config.unsaved:
            return False
        now = self.telemetry.board.now()
        well = self.storage.write(_PROBE, now) and self.storage.read(_PROBE) == now
        self.storage.remove(_PROBE)
        return well

    def _store(self) -> None:
        whole = {"at": self._last, "failed": self.telemetry.beats.failed, "unpressed": self.unpressed}
        self._changed = not self.storage.write(_FILE, whole)
