"""`onekey bench connections`: a district's terminals with TLS on Mosquitto, which is then killed and started again.

In: how many. Out: how many were connected, seconds until all were back and subscribed, the broker's memory; beside
them what the same broker takes of bare TLS handshakes. Where a process may not open files enough for all, several
brokers carry them, and the answer says that the target (one broker) is not met. Every receipted message is written to
a file before it is sent; what of it never arrived is counted as lost.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.receipts import Receipts
from tools.bench.simulated import Simulated, together, until
from tools.embedded.mosquitto import SETTINGS as BROKER_SETTINGS
from tools.embedded.mosquitto import Mosquitto, program
from tools.simulated import machine

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, float], None]

TERMINALS_WANTED = 50_000
BACK_WANTED_S = 300.0
BACK_PATIENCE_S = 1_200.0  # then it is told how many came back
BROKER_SPARE_FILES = 200  # of the broker itself and the bench's own clients
PRESSES_PER_S = 5.0  # around the restart, so that there is something to lose
PACE = 0.05  # of calls: they shall be over with the presses
QUIET_S = 600.0  # until every message has its receipt: a resend waits 300 s at most
HEARTBEAT_S = 600  # as shipped


@dataclass(frozen=True)
class Sizes:
    """Of one run."""

    terminals: int
    starts_per_s: float
    seed: int
    presses_s: float = 60.0  # around the restart
    handshakes_s: int = 5  # of the reference

    def quick(self) -> Sizes:
        """For a look."""
        return replace(self, presses_s=2.0, handshakes_s=1)


class Home:
    """One broker with its part of the terminals."""

    def __init__(self, folder: Path, number: int, terminals: int, sizes: Sizes, starts_per_s: float) -> None:
        folder.mkdir()
        self.broker = Mosquitto(folder, tls=True)
        self.broker.start()
        self.receipts = Receipts(self.broker.port)
        self.receipts.start()
        self.sent = folder / "sent.jsonl"
        first = f"127.0.{number + 1}."
        sources = [word for each in range(1, machine.SOURCES + 1) for word in ("--source", f"{first}{each}")]
        self._folder = folder
        self._words = [
            "--broker", f"127.0.0.1:{self.broker.tls_port}", "--ca", str(self.broker.ca), "--prefix", f"B{number}X",
            "--terminals", str(terminals), "--starts", str(starts_per_s), "--seed", str(sizes.seed),
            "--pace", str(PACE), "--sent", str(self.sent), *sources,
        ]  # fmt: skip

    def populate(self) -> Simulated:
        """Its terminals begin to connect."""
        return Simulated(self._words, self._folder / "simulate.log")

    def stop(self) -> None:
        """Broker and receipts."""
        self.receipts.stop()
        self.broker.stop()

    def lost(self) -> tuple[int, int]:
        """(written down, never arrived)."""
        with self.sent.open(encoding="utf-8") as lines:
            sent = {(line["device"], line["id"]) for line in map(json.loads, lines)}
        return len(sent), len(sent - self.receipts.arrived)


def figures(sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Everything once."""
    most = machine.raise_files() - BROKER_SPARE_FILES
    brokers = -(-sizes.terminals // most)
    folder = Path(tempfile.mkdtemp(prefix="okcconn"))
    homes: list[Home] = []
    fleets: list[Simulated] = []
    try:
        share = -(-sizes.terminals // brokers)
        for number in range(brokers):
            count = min(share, sizes.terminals - number * share)
            homes.append(Home(folder / str(number), number, count, sizes, sizes.starts_per_s / brokers))
        handshakes = _handshakes(homes[0].broker, sizes.handshakes_s)
        tell("connections", 0.1)
        fleets.extend(home.populate() for home in homes)
        found = _restarted(sizes, homes, fleets, tell)
        simulator_mb = sum(fleet.stop()["rss_mb"] for fleet in fleets)
        sent, lost = (sum(each) for each in zip(*(home.lost() for home in homes), strict=True))
        wanted = {"terminals": TERMINALS_WANTED, "brokers": 1, "back_s": BACK_WANTED_S, "lost": 0}
        return {
            **found,
            "sent": sent,
            "lost": lost,
            "handshakes_per_s": round(handshakes),
            "handshakes_alone_s": round(sizes.terminals / handshakes, 1),
            "simulator_rss_mb": round(simulator_mb),
            "wanted": wanted,
            "met": found["connected"] >= TERMINALS_WANTED
            and brokers == 1
            and found["back_s"] is not None
            and found["back_s"] <= BACK_WANTED_S
            and not lost,
            "settings": _settings(sizes, brokers, most),
        }
    finally:
        for fleet in fleets:
            fleet.stop()
        for home in homes:
            home.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _restarted(sizes: Sizes, homes: list[Home], fleets: list[Simulated], tell: Tell) -> dict[str, Any]:
    """All connected; then every broker is killed and started, under presses; then all are back."""
    begun = time.monotonic()
    patience_s = 2 * sizes.terminals / sizes.starts_per_s + QUIET_S
    there = until(fleets, lambda all_: all_["connected"] == sizes.terminals, patience_s)
    start_s = time.monotonic() - begun
    tell("connections", 0.5)
    for fleet in fleets:
        fleet.ask(f"storm {PRESSES_PER_S / len(fleets)} {sizes.presses_s}")
    before_mb = [home.broker.rss_mb() for home in homes]
    # Counted, not looked at: a fleet that has not noticed yet still believes that it is connected.
    gone = together(fleets)["cut_off"]
    killed = time.monotonic()
    for home in homes:
        home.broker.kill()
    for home in homes:
        home.broker.start()
    curve: list[list[float]] = []

    def back(all_: dict[str, float]) -> bool:
        noticed = all_["cut_off"] >= gone + there["connected"]
        if noticed:
            curve.append([round(time.monotonic() - killed, 1), all_["connected"]])
        return noticed and all_["connected"] == sizes.terminals

    came = int(until(fleets, back, BACK_PATIENCE_S)["connected"])
    back_s = round(time.monotonic() - killed, 1) if came == sizes.terminals else None
    tell("connections", 0.8)
    time.sleep(max(0.0, killed + sizes.presses_s - time.monotonic()))
    done = until(fleets, lambda all_: not all_["outstanding"] and not all_["dialling"], QUIET_S)
    return {
        "connected": int(there["connected"]),
        "back_s": back_s,
        "back": came,
        "broker_rss_mb": round(
            sum(max(pair) for pair in zip(before_mb, (h.broker.rss_mb() for h in homes), strict=True))
        ),
        "start_s": round(start_s, 1),
        "half_back_s": next((at for at, count in curve if count >= sizes.terminals / 2), None),
        "tries": int(done["reconnects"] - there["reconnects"]),
        "resent": int(done["resent"]),
        "outstanding": int(done["outstanding"]),
    }


def _handshakes(broker: Mosquitto, seconds: int) -> float:
    """The reference: full handshakes a second of one client that does nothing else, on the same broker."""
    words = f"s_time -connect 127.0.0.1:{broker.tls_port} -new -time {seconds} -tls1_2 -CAfile {broker.ca}"
    done = subprocess.run(
        [program("openssl", "openssl"), *words.split()], capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r"(\d+) connections in (\d+) real seconds", done.stdout)
    if found is None or not int(found[1]):
        raise RuntimeError("openssl s_time did not connect")
    return int(found[1]) / int(found[2])


def _settings(sizes: Sizes, brokers: int, most: int) -> dict[str, Any]:
    return {
        "brokers": brokers,
        "terminals_a_broker_may_have": most,
        "limited_by": "open files of a process" if brokers > 1 else None,
        "broker": BROKER_SETTINGS,
        "tls": "1.2, P-256, full handshakes",
        "receipts": "of the bench, without a database",
        "heartbeats_per_s": round(sizes.terminals / HEARTBEAT_S, 1),
        "presses_per_s_around_the_restart": PRESSES_PER_S,
        "starts_per_s": sizes.starts_per_s,
        "seed": sizes.seed,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
