"""`onekey bench terminal`: every figure of the terminal in one object, with its target, settings and reference.

In: a seed, whether to be quick. Out: the object. Times are of simulated time; only `wall_s` is of this machine.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from tools.bench import day, size, times
from tools.modem.pace import PACES
from tools.virtual.home import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, float], None]

# World time for a second of interpretation here. MicroPython on an ESP32 at 240 MHz runs the pystone of its own tree at
# about 2,200 a second, its unix port on a machine of today at 110,000 to 140,000; a little more, for code in flash is
# read through a cache. `loop_us` of this machine is measured in the same run and stands beside it.
ESP32_FACTOR = 60.0
HEAP_BYTES = 220 * 1024  # words of a desk are twice as wide: 110 KB of an ESP32 without PSRAM
MONTH_DAYS = 30
DIAL_NEVER_MS = times.DIAL_LIMIT_S * 1000  # a press without a dial counts as the whole wait
WEEK_DAYS = 7
NOISE_BYTES = 512  # of a desk: one message more or less in flight
# figure: (target, unit, reference, larger is better)
TARGETS: dict[str, tuple[float, str, str, bool]] = {
    "feedback_ms": (100, "ms", "what a finger takes for at once", False),
    "dial_ms_data_down": (300, "ms", "a SIM800 on one channel: up to 85 s, in AT+CIICR", False),
    "dial_ms_worst": (3300, "ms", "the wait for a route is 3 s", False),
    "tls_connect_s": (6, "s", "6 round trips of 700 ms", False),
    "traffic_mb_month": (5, "MB", "SIM cards for things: 10 to 30 MB", False),
    "heap_free_kb_min": (40, "KB", "110 KB in all without PSRAM", True),
    "heap_growth_bytes": (NOISE_BYTES, "B", "none", False),
    "mpy_kb": (150, "KB", "an application partition has 1.5 MB, the desk's heap pays for it", False),
    "presses_lost": (0, "", "none", False),
}


def figures(*, seed: int, quick: bool, tell: Tell) -> dict[str, Any]:
    """All of them. Two processes at most work side by side."""
    begun = time.monotonic()
    share = size.desk_share()
    with ThreadPoolExecutor(1) as pool:
        heap_day = pool.submit(_heap_day, share, seed, quick, tell)
        found = _times(seed, quick, tell)
        found |= _traffic(seed, quick, tell)
        lived = heap_day.result()
    found["heap_free_kb_min"] = round(lived.heap_least() / 2 / 1024, 1)
    found["heap_growth_bytes"] = lived.heap_growth() // 2
    found["mpy_kb"] = round(size.mpy_bytes() / 1024, 1)
    found["presses"], found["presses_lost"] = lived.presses, len(lived.lost)
    found["heap_day"] = {
        "hours": lived.hours, "presses": lived.presses, "reconnects": lived.reconnects, "connects": lived.connects,
        "boots": lived.boots, "faults": lived.faults, "lost": lived.lost,
    }  # fmt: skip
    found["settings"] = {
        "seed": seed, "quick": quick, "factor": ESP32_FACTOR, "loop_us": size.interpreter_us(), "baud": 115_200,
        "round_trip_ms": 700, "bit_s": 20_000, "delayed_share": 0.01, "tls": "1.2, ECDHE-ECDSA-AES128-GCM, P-256",
        "heapsize": HEAP_BYTES, "heap_for_code": share["code"], "heap_for_rig": share["rig"],
        "heap_for_books": share["books"], "driver_kb_on_a_chip": round(share["driver"] / 2 / 1024, 1),
        "configuration": "as shipped", "tls_buffers": "of mbedtls: outside this heap, on a chip beside it",
    }  # fmt: skip
    found["targets"] = {name: {"target": row[0], "unit": row[1], "reference": row[2]} for name, row in TARGETS.items()}
    found["met"] = {name: met(name, found[name]) for name in TARGETS}
    found["wall_s"] = round(time.monotonic() - begun, 1)
    return found


def met(name: str, value: float | None) -> bool:
    """Whether a figure reaches its target; one that was not taken does not."""
    target, _, _, larger = TARGETS[name]
    return value is not None and (value >= target if larger else value <= target)


def _options(seed: int, **more: Any) -> Options:
    return Options(seed=seed, tls=True, pace=PACES["2g"], **more)


def _times(seed: int, quick: bool, tell: Tell) -> dict[str, Any]:
    usual = _options(seed, factor=ESP32_FACTOR)
    down = list(times.with_home(usual, lambda home: list(times.data_down(home, 6 if quick else 24))))
    inside = []
    for number, command in enumerate(times.LONGEST):
        tell("inside blocking commands", number / len(times.LONGEST))
        inside.append(times.with_home(usual, partial(times.blocked, command=command)))
    worst = times.with_home(usual, lambda home: list(times.no_route(home, 2 if quick else 6)))
    alone = _options(seed, factor=ESP32_FACTOR, cmux=False)
    single = [times.with_home(alone, partial(times.blocked, command=c)) for c in ("+CIICR", "+CGATT")]
    connects = times.with_home(usual, lambda home: list(times.connect(home, 3 if quick else 10)))
    everything = [*down, *inside, *worst]
    return {
        "feedback_ms": _most([sample.fire_to_feedback for sample in everything]),
        "feedback_from_edge_ms": _most([sample.edge_to_feedback for sample in everything]),
        "fire_from_edge_ms": _most([sample.edge_to_fire for sample in everything if "k1" not in sample.scene]),
        "dial_ms_data_down": _most([sample.fire_to_dial for sample in (*down, *inside)]),
        "dial_ms_data_down_median": round(median([sample.fire_to_dial or DIAL_NEVER_MS for sample in down]), 1),
        "dial_ms_worst": _most([sample.fire_to_dial for sample in worst]),
        "dial_ms_single_channel": _most([sample.fire_to_dial for sample in single]),
        "tls_connect_s": _most([one["connack"] for one in connects]),
        "connects": connects,
        "samples": [sample.row() for sample in (*everything, *single)],
    }


def _most(values: list[float | None]) -> float | None:
    """The largest; None if one was not taken at all."""
    whole = [value for value in values if value is not None]
    return max(whole) if len(whole) == len(values) and whole else None


def _traffic(seed: int, quick: bool, tell: Tell) -> dict[str, Any]:
    """A day of heartbeats with reconnects, and what one press adds."""
    hours, reconnects = (6.0, 1) if quick else (24.0, 4)
    quiet = day.live(_options(seed), hours, 0, reconnects, tell)
    pressed = day.live(_options(seed), 1.0, 4, 0, tell)
    still = day.live(_options(seed), 1.0, 0, 0, tell)
    a_day = quiet.bytes_on_air * 24 / hours
    a_press = max(0.0, (pressed.bytes_on_air - still.bytes_on_air) / 4)
    month = a_day * MONTH_DAYS + a_press * MONTH_DAYS / WEEK_DAYS
    return {
        "traffic_mb_month": round(month / 1e6, 3),
        "traffic": {
            "hours": hours, "reconnects": reconnects, "bytes_a_day": round(a_day), "bytes_a_press": round(a_press),
            "presses_a_week": 1, "with": "TLS, 40 B of TCP/IP per segment and per acknowledgement, DNS, pings",
        },
    }  # fmt: skip


def _heap_day(share: dict[str, int], seed: int, quick: bool, tell: Tell) -> day.Day:
    heap = HEAP_BYTES + share["code"] + share["rig"] + share["books"]
    options = _options(seed, heap=str(heap), more=("--sample", "500"))
    return day.live(options, 1.0 if quick else 24.0, 10 if quick else 200, 5 if quick else 50, tell)
