"""The alarm of before a restart: found on storage, mended, and taken up again as soon as the modem answers.

In: the chip's storage, the outbox, the modem's calls. Out: a ladder that goes on where it was, with its call if that
still stands. Must never be in the way of a press, nor call for an alarm that was called off.
"""

import asyncio

from firmware.core import resume
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.app.alarm import Alarm

# An alarm of before a restart is taken up again within a minute of it, with or without a modem.
_RESUME_MS = const(45_000)
_CLOCK_MS = const(10_000)  # of that, for the time after a loss of power: nobody else knows how long ago the alarm was
_WARM = const(("soft", "watchdog", "brownout", "crash", "command", "update"))  # starts without a loss of power
_LOOK_S = const(0.1)


class Before:
    """`resume` once; a key takes the alarm up at once."""

    def __init__(self, alarm: "Alarm") -> None:
        self.alarm = alarm
        self.left: "dict[str, object] | None" = None  # until it is taken up

    @property
    def waits(self) -> bool:
        """Whether somebody is to be called for it."""
        return self.left is not None and self.left.get("over") is None

    async def resume(self) -> None:
        """After a start: the alarm that a restart cut goes on where it was, with the call if it still stands."""
        alarm, now = self.alarm, self.alarm.board.now
        self.load()
        if alarm.kept.damaged:
            alarm.telemetry.fault("storage_damaged")
        begun = now()
        while not alarm.modem.ready and now() - begun < _RESUME_MS:  # noqa: ASYNC110 - a fact, not an event
            await asyncio.sleep(_LOOK_S)
        talking = False
        try:
            talking = await alarm.voice.adopt()
        except Exception:
            alarm.faults += 1  # the alarm goes on without that call
        waits = self.left is not None and alarm.board.reset_cause() not in _WARM
        until = min(begun + _RESUME_MS, now() + _CLOCK_MS)
        while waits and not talking and not alarm.mail.clock.is_set and now() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        if self.left is not None:
            self.take_up(talking)
        elif alarm.voice.stray and not alarm.ladder.running:
            alarm.orders.give(("hangup",))  # of an alarm that was called off just before the restart

    def load(self) -> None:
        """From storage."""
        alarm = self.alarm
        self.left = alarm.kept.load()
        for part in (self.mend, lambda: alarm.back.resume(alarm.board.now())):
            try:
                part()
            except Exception:
                alarm.faults += 1

    def mend(self) -> None:
        """The power may have gone between the press on storage and the alarm: either tells of the other."""
        presses = self.alarm.presses
        refs = None if self.left is None else self.left.get("refs")
        if isinstance(refs, list) and refs and presses.cancelled(refs[0]):
            self.left = None
            self.alarm.unsaved = True  # and so forgotten
        press = presses.left()
        if press is not None and self._later(press):
            epoch = press.get("t")
            self.left = self.alarm.ladder.begun(str(press["key"]), str(press["id"]))
            self.alarm.kept.store(self.left, epoch if isinstance(epoch, int) else None)  # lest the next cut takes it

    def _later(self, press: "dict[str, object]") -> bool:
        """Whether a press would have opened an alarm in the place of the stored one, had it been stored in time."""
        left = self.left
        if left is None or left.get("over") is not None:
            refs = None if left is None else left.get("refs")
            return not isinstance(refs, list) or press["id"] not in refs
        return press["key"] == "sos" and left.get("key") != "sos"

    def take_up(self, talking: bool) -> None:
        """Now. `talking`: the modem says that a call is active."""
        alarm, now = self.alarm, self.alarm.board.now()
        dump, self.left = self.left, None
        if dump is None:
            return
        if not talking and resume.stale(dump, alarm.mail.clock.epoch(now)):
            alarm.unsaved = True  # and so forgotten
            refs = dump.get("refs")
            ref = refs[0] if isinstance(refs, list) and refs else None
            alarm.notes.report("event", {"ev": "ladder_outdated", "ref": ref})
            return
        orders = alarm.ladder.restore(dump, now, talking)
        if alarm.ladder.running and dump.get("key") == "sos":
            alarm.back.pressed(now)
        count = dump.get("count")
        if alarm.ladder.in_call and isinstance(count, int):
            alarm.orders.attempt = count  # the call of before the restart: its end belongs to this attempt
        alarm.act(orders)
