"""One terminal of the history: how it stands, and the bodies of what it says. No I/O, nothing drawn here.

The bytes are those of protocol/messages.py; heartbeats are written by hand, for there are millions of them, and a test
holds the two against each other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud.days import shanghai_day
from protocol import messages
from tools.bench.health.town import DAY, START, START_S

if TYPE_CHECKING:
    from tools.bench.health.plan import Plan
    from tools.bench.health.town import Terminal

_BEAT = (
    '{"v":1,"id":"%s.%d.%d","t":%s,"u":%d,"s":%d,"bat":%d,"pct":%d,"mains":%d,"csq":%d,"reg":%d,"net":"gsm",'
    '"cell":"%s","temp":%d,"heap":%d,"box":%d,"drops":%d,"call":0,"cfg":%d,"rtt":%d,"missed":%d}'
)


class Unit:
    """What is set by name in a plan: loss, csq, reg, shift, clock, iccid, cfg, and figures of heartbeats."""

    __slots__ = (
        "boot", "booted", "box", "busy_until", "cfg", "clock", "csq", "dark", "drops", "firmware", "heap", "iccid",
        "it", "link", "loss", "mains", "missed", "off_at", "on", "pct", "pct_at", "pct_slope", "reg", "rtt", "sequence",
        "shift", "spread", "temp", "turn", "waiting",
    )  # fmt: skip

    def __init__(self, it: Terminal, plan: Plan) -> None:
        self.it = it
        self.boot = 0
        self.sequence = 0
        self.booted = 0.0
        self.on = False
        self.off_at = 0.0
        self.dark = 0.0  # seconds without power since the last record of a day
        self.link = True
        self.mains = True
        self.pct, self.pct_at, self.pct_slope = 96.0, 0.0, 0.0
        self.csq = plan.csq.get(it.number, it.csq)
        self.loss = 1  # 0: none, 1: as everywhere, 2: every second heartbeat
        self.reg = 1.0  # part of the time that it is registered
        self.shift = 0  # its clock is off by so much, s
        self.clock = 1
        self.cfg = 1
        self.box, self.drops, self.heap, self.rtt, self.temp = 0, 0, 41_000, 300, 24
        self.missed = 0
        self.turn = 0
        self.busy_until = 0.0  # in a call: no data
        self.firmware = it.firmware
        self.iccid = it.iccid
        self.spread = it.phase / plan.sizes.beat_s
        self.waiting: list[tuple[str, dict[str, Any], int]] = []

    def start(self, at: float) -> None:
        """Power, and a new boot."""
        self.boot += 1
        self.sequence = 0
        self.booted = at - 8.0
        if not self.on:
            self.dark += at - self.off_at
        self.on = True
        self.link = True
        self.busy_until = 0.0

    def stop(self, at: float) -> None:
        """No power."""
        self.on = False
        self.off_at = at

    def uptime(self, at: float) -> int:
        """Milliseconds since the start."""
        return int((at - self.booted) * 1000)

    def _time(self, at: float) -> int | None:
        return int(START_S + at) + self.shift if self.clock else None

    def message(self, at: float, body: dict[str, Any]) -> dict[str, Any]:
        """A body with its common fields, but for the moment of sending."""
        self.sequence += 1
        identity = f"{self.it.epoch}.{self.boot}.{self.sequence}"
        said = {name: value for name, value in body.items() if value is not None}
        return {"id": identity, "t": self._time(at), "u": self.uptime(at), "s": None, **said}

    def encoded(self, kind: str, said: dict[str, Any], at: float, boot: int | None = None) -> bytes:
        """As sent then; what an earlier boot made has no uptime of this one."""
        sent = self.uptime(at) if boot in (None, self.boot) else None
        return messages.encode("up", kind, {**said, "s": sent})

    def beat(self, at: float, drawn: float) -> bytes:
        """One heartbeat; `drawn` is its noise, 0 to 1."""
        self.sequence += 1
        uptime = self.uptime(at)
        time = self._time(at)
        noise = int(drawn * 3) - 1
        percent = min(max(int(self.pct + self.pct_slope * (at - self.pct_at) / 3600), 1), 100 - noise * noise)
        missed, self.missed = self.missed, 0
        return (
            _BEAT
            % (
                self.it.epoch, self.boot, self.sequence, "null" if time is None else time, uptime, uptime + 3,
                3300 + percent * 9, percent + (noise if 20 < percent < 99 else 0), self.mains, self.csq + noise, 1,
                self.it.cell, self.temp + noise, self.heap + int(drawn * 6_000), len(self.waiting) + self.box,
                self.drops, self.cfg, self.rtt + int(drawn * 600), missed,
            )
        ).encode()  # fmt: skip

    def boot_body(self, cause: str) -> dict[str, Any]:
        """Why it started, and what it is made of."""
        return {"imei": self.it.imei, "iccid": self.iccid, "board": "okb-a", "fw": self.firmware, "cfg": self.cfg,
                "cause": cause}  # fmt: skip

    def day_body(self, day: int, drawn: float) -> dict[str, Any] | None:
        """Its record of a day; none where it is off now, or was for all of the day."""
        dark, self.dark = self.dark, 0.0
        if not self.on:
            self.off_at = max(self.off_at, (day + 1) * float(DAY))
            return None
        powered = max(0, min(1440, int(1440 - dark / 60)))
        registered = int(max(0, powered - 6 * drawn) * self.reg)
        told = shanghai_day(START + timedelta(seconds=day * DAY + 60))
        return {"day": told.isoformat(), "on": powered, "reg": registered, "beats": powered * 60 // 600, "presses": 0,
                "answered": 0, "stuck": 0, "faults": 0}  # fmt: skip
