"""Presses under random faults, power cuts and people who answer or not, against the real cloud in a real PostgreSQL.

In: how many presses, a seed. Out: what was broken, if anything, and counts. Fingers are written to a file before a
contact moves; the rules are in judge.py. Everything drawn comes from the seed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench import judge
from tools.embedded.postgres import Postgres
from tools.modem.faults import Faults
from tools.modem.people import DEFAULT_MIX, Human
from tools.virtual.home import DEVICE, Home, Options
from tools.virtual.ledger import Ledger
from tools.virtual.world import SECOND, START

if TYPE_CHECKING:
    from collections.abc import Callable

LIFE_PRESSES = 1_000  # of one home: a day or two of trouble without a rest
FAULTS_AN_HOUR = 40.0
EPISODE_LIMIT_S = 4 * 3600.0
RESUME_S = 60.0  # within this of a start an alarm that was cut goes on
REST_S = 15.0  # at rest for so long: the alarm is over
DRAIN_S = 4 * 3600.0  # without faults, until everything has been receipted; entries that stepped aside come hourly
AGE_S = 3 * 86_400.0  # a start that is older is ended at rest: asyncio's clock wraps
GAP_S = 3.0  # between two fingers
MOBILE = 11  # digits
# Where people sit there is no mailbox; now and then nobody is free, and lines go.
STAFFED = Human(mix=tuple((name, share) for name, share in DEFAULT_MIX.items() if name != "voicemail"))
KEYS = ("sos", "sos", "sos", "k1", "k2", "k3", "k5", "k9")


@dataclass
class Shares:
    """How often what happens, of all episodes or presses."""

    more: tuple[float, ...] = (0.6, 0.25, 0.1, 0.05)  # one, two, three, four fingers
    cancel: float = 0.12
    cut: float = 0.12
    cut_both: float = 0.4  # of those: the modem loses its power too
    cut_in_write: float = 0.3  # of all starts
    accept: float = 0.15


@dataclass
class Story:
    """What has happened so far."""

    shares: Shares = field(default_factory=Shares)
    broken: list[str] = field(default_factory=list)
    noted: list[judge.Noted] = field(default_factory=list)
    kept: list[judge.Kept] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)  # presses for which a power cut in the same moment is to blame
    cuts: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    fingers: int = 0
    episodes: int = 0
    failed_tasks: Counter[str] = field(default_factory=Counter)


class Soak:
    """One home under fire."""

    def __init__(self, folder: Path, dsn: str, seed: int, faults_an_hour: float = FAULTS_AN_HOUR) -> None:
        self.draw = random.Random(seed)
        self.faults = Faults(random.Random(seed), faults_an_hour)
        self.home = Home(folder, Options(seed=seed, faults=self.faults))
        self.world = self.home.world
        self.ledger = Ledger(dsn, DEVICE, START)
        self.ledger.attach(self.world, self.home.broker)
        self.home.network.set_plan("default", Human())
        self.home.network.seed = seed
        self.log = folder / "fingers.jsonl"
        self.story = Story()
        self.now_episode = judge.Episode()
        self._routed: set[str] = set()
        self._begun = 0.0
        self._booted: float | None = None
        self.world.on_line = self._hear

    @property
    def now(self) -> float:
        """World time in seconds."""
        return self.world.now / SECOND

    def start(self) -> None:
        """Power, and a while to find the network and be configured."""
        self.home.modem.power_on()
        self.world.power_on()
        self.ledger.pump()
        self.world.run_for(120)

    def close(self) -> None:
        """End everything."""
        self.home.close()
        self.ledger.close()

    # What everybody says.

    def _hear(self, line: dict[str, Any]) -> None:
        at, who = line["us"] / SECOND, line["who"]
        if who == "world":
            self._power(at, line)
        elif who == "rig" and "kept" in line:
            fields = line["fields"]
            self.story.kept.append(judge.Kept(at, fields["id"], line["kept"], fields))
        elif who == "rig" and "running" in line:
            self._run(at, running=line["running"])
        elif who == "rig" and "dropped" in line:
            self.story.dropped.add(line["dropped"])
        elif who == "modem" and line["ev"] in ("sms", "sms_refused"):
            self.now_episode.texts.append((at, plain(str(line["number"]))))
        elif who == "modem" and line["ev"] == "dial_refused":
            number = plain(str(line["number"]))
            self.now_episode.calls.append(judge.Call(number, at, at))
        elif who == "terminal":
            note = line.get("note")
            if note == "press":
                noted = judge.Noted(at, line["id"], line["key"], line["how"])
                self.now_episode.noted.append(noted)
                self.story.noted.append(noted)
            elif note == "route" and line["source"] == "route":
                self._routed.add(line["ref"])
            elif note == "task_failed":
                self.story.failed_tasks[f"{line['task']}: {line['error']}"] += 1

    def _run(self, at: float, *, running: bool) -> None:
        runs = self.now_episode.runs
        if running:
            runs.append((at, at + EPISODE_LIMIT_S))
        elif runs:
            runs[-1] = (runs[-1][0], at)

    def _power(self, at: float, line: dict[str, Any]) -> None:
        if "boot" in line:
            self._booted = at
        elif "cut" in line:
            self.now_episode.cuts.append(at)
            self.story.cuts.append(at)
            if self._booted is not None:
                self.now_episode.up.append((self._booted, at))
            self._booted = None

    # One episode.

    def episode(self, keep: Path | None = None) -> None:
        """Fingers, and whatever else falls into the same minutes, until nobody is called any more."""
        self.now_episode = judge.Episode()
        self._routed.clear()
        self.home.network.take()
        for number in self.ledger.staffed:
            self.home.network.set_plan(number, STAFFED)
        last = self._fingers()
        self._trouble()
        limit = self.world.now + int(EPISODE_LIMIT_S * SECOND)
        settled = False
        while not settled and self.world.now < limit:
            self.world.run_until(limit, lambda: not self.world.running and self.world.now >= last)
            rested = self.world.now + int(REST_S * SECOND)
            settled = not self.world.run_until(rested, lambda: self.world.running) and self._awake()
        self.now_episode.settled = settled
        if self._judge() and keep is not None:
            name = f"seed{self.home.options.seed}-episode{self.story.episodes}.jsonl"
            keep.mkdir(parents=True, exist_ok=True)
            (keep / name).write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in self.world.lines))
        self.world.lines.clear()
        if self._booted is not None and self.now - self._booted > AGE_S:
            self.world.restart("power")
        self.world.run_for(self.draw.uniform(5, 60))

    def _awake(self) -> bool:
        """Up for so long that an alarm of before the start would have been taken up."""
        return self._booted is not None and self.now - self._booted >= RESUME_S

    def _fingers(self) -> int:
        at = self.now + self.draw.uniform(1, 5)
        for _ in range(self.draw.choices((1, 2, 3, 4), self.story.shares.more)[0]):
            key = "cancel" if self.draw.random() < self.story.shares.cancel else self.draw.choice(KEYS)
            held = self.draw.randint(900, 1400) if key == "sos" else self.draw.randint(120, 1300)
            self.now_episode.fingers.append(judge.Finger(at, key))
            self.story.fingers += 1
            with self.log.open("a") as file:
                file.write(json.dumps({"at": at, "key": key, "held_ms": held}) + "\n")
            self.world.press(key, held, int(at * SECOND))
            at += held / 1000 + GAP_S + self.draw.expovariate(1 / 25)
        return int(at * SECOND)

    def _trouble(self) -> None:
        shares, draw = self.story.shares, self.draw
        if draw.random() < shares.accept:
            self.world.at(self.world.now + int(draw.uniform(8, 90) * SECOND), self._accept)
        if draw.random() < shares.cut:
            both = draw.random() < shares.cut_both
            self.world.at(self.world.now + int(draw.uniform(1, 90) * SECOND), lambda: self._cut(both=both))

    def _accept(self) -> None:
        if self.ledger.accept() is not None:
            self.now_episode.accepted.append(self.now)
            self.ledger.pump()

    def _cut(self, *, both: bool) -> None:
        if self.world.child is None:
            return  # it lies in the dark already
        if both:
            self.home.modem.power_off("cut")
        if self.draw.random() < self.story.shares.cut_in_write:
            self.world.next_cut = self.draw.randint(1, 40)
        self.world.restart("power", int(self.draw.uniform(0.8, 20) * SECOND))

    def _judge(self) -> bool:
        """Whether anything was broken."""
        episode, story = self.now_episode, self.story
        if self._booted is not None:
            episode.up.append((self._booted, self.now))
        for noted in episode.noted:
            ladder = self._ladder(noted)
            episode.ladders[noted.id] = ladder
            if noted.key == "sos":
                episode.texts_due[noted.id] = [number for number, _ in ladder if is_mobile(number)]
        for record in self.home.network.calls:
            if record.direction == "out" or record.active_at is not None:
                end = record.ended_at - START if record.ended_at is not None else self.now
                talked = 0.0 if record.active_at is None else end - (record.active_at - START)
                episode.calls.append(
                    judge.Call(
                        plain(record.number), record.started_at - START, end, talked, record.human, record.pressed
                    )
                )
        story.episodes += 1
        broken = judge.judge(episode)
        story.broken += [f"episode {story.episodes}: {sentence}" for sentence in broken]
        for noted in episode.noted:
            how = noted.key if noted.key == "cancel" else judge.ended(episode, noted) or "nobody"
            story.outcomes[how] += 1
            if how == "cut":
                story.undone.add(noted.id)
        return bool(broken)

    def _ladder(self, noted: judge.Noted) -> list[tuple[str, int]]:
        """The ladder that a press meant: its route if that was taken, else the stored plan of its key."""
        plans = self.ledger.plans
        # A key without a plan of its own reaches the staffed targets of SOS.
        stored = plans.get(noted.key) or [rung for rung in plans.get("sos", []) if rung[3]]
        rungs = self.ledger.routes.get(noted.id, stored) if noted.id in self._routed else stored
        return [(plain(str(rung[1])), int(rung[3])) for rung in rungs]

    # The end.

    def drain(self) -> None:
        """No more faults: everything arrives, and the books are compared."""
        self.faults.rate = 0.0
        self.faults.heal_all()
        self.ledger.waiting = None  # a heartbeat from now on must say that nothing is left
        emptied = self.world.run_for(DRAIN_S, lambda: self.ledger.waiting == 0)
        self.world.run_for(60)
        story = self.story
        rows = [(str(a), str(b), dict(c)) for a, b, c in self.ledger.rows("select id, kind, body from message")]
        presses = [(a, str(c["key"]), str(c["how"])) for a, b, c in rows if b == "press"]
        broken, caught = judge.stored(story.noted, presses, story.cuts)
        story.broken += broken
        story.outcomes["caught by a cut before storage"] += caught
        kept = sorted(story.undone & {press for press, _, _ in presses})
        story.broken += [f"press {one} was stored before a power cut, and nobody was called for it" for one in kept]
        broken, caught = judge.arrived(story.kept, story.dropped, rows, story.cuts)
        story.broken += broken
        story.outcomes["other messages caught by a cut before storage"] += caught
        if not emptied:
            self.story.broken.append(f"{self.ledger.waiting} messages without a receipt when the limit came")
        for what in ("quarantined", "id_clash"):
            if self.ledger.counts[what]:
                self.story.broken.append(f"{self.ledger.counts[what]} messages: {what}")


def plain(number: str) -> str:
    """Without the country's code."""
    return number.removeprefix("+86").removeprefix("+")


def is_mobile(number: str) -> bool:
    """A number that can read."""
    return len(number) == MOBILE and number.startswith("1") and number[1] in "3456789"


def run(
    presses: int, seed: int, tell: Callable[[str, float], None], keep: Path | None = None, workers: int | None = None
) -> dict[str, Any]:
    """The whole soak; {"ok", "broken", counts …}. `keep`: a folder for the transcripts of broken episodes.

    Homes of LIFE_PRESSES presses each, the n-th with seed + n, live side by side, one for each processor.
    """
    begun = time.monotonic()
    lives = [min(LIFE_PRESSES, presses - at) for at in range(0, presses, LIFE_PRESSES)]
    found = []
    # Fresh interpreters: a fork of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers or os.cpu_count() or 1, len(lives)), context) as pool:
        waiting = [pool.submit(life, count, seed + number, keep) for number, count in enumerate(lives)]
        for done in as_completed(waiting):
            found.append(done.result())
            tell("presses under faults", min(1.0, sum(one["fingers"] for one in found) / presses))
    return together(found, time.monotonic() - begun)


def life(presses: int, seed: int, keep: Path | None) -> dict[str, Any]:
    """One home with a database of its own."""
    begun = time.monotonic()
    folder, data = Path(tempfile.mkdtemp(prefix="okcsk")), Path(tempfile.mkdtemp(prefix="okcpg"))
    server = Postgres(data, durable=False)  # this is not about the power cut of a disk
    try:
        server.start()
        soak = Soak(folder / "home", server.create_database("soak"), seed)
        try:
            soak.start()
            while soak.story.fingers < presses:
                soak.episode(keep)
            soak.drain()
            return outcome(soak, seed, time.monotonic() - begun)
        finally:
            soak.close()
    finally:
        server.stop()
        for one in (folder, data):
            shutil.rmtree(one, ignore_errors=True)


def together(lives: list[dict[str, Any]], wall_s: float) -> dict[str, Any]:
    """The outcomes of several homes as one: counts added up, sentences with the seed before them."""
    whole: dict[str, Any] = {"ok": all(one["ok"] for one in lives), "broken": [], "seeds": []}
    for one in sorted(lives, key=lambda one: int(one["seed"])):
        whole["seeds"].append(one["seed"])
        whole["broken"] += [f"seed {one['seed']}: {sentence}" for sentence in one["broken"]]
        for name, value in one.items():
            if isinstance(value, dict):
                whole[name] = dict(Counter(whole.get(name, {})) + Counter(value))
            elif name not in ("ok", "broken", "seed", "wall_s"):
                whole[name] = round(whole.get(name, 0) + value, 2)
    whole["wall_s"] = round(wall_s, 1)
    return whole


def outcome(soak: Soak, seed: int, wall_s: float) -> dict[str, Any]:
    """Everything in one object."""
    story, world = soak.story, soak.world
    broken = list(story.broken)
    if world.watchdog_resets:
        broken.append(f"the watchdog bit {world.watchdog_resets} times")
    return {
        "ok": not broken,
        "broken": broken,
        "seed": seed,
        "fingers": story.fingers,
        "presses": len(story.noted),
        "messages": len(story.kept),
        "dropped": len(story.dropped),
        "episodes": story.episodes,
        "outcomes": dict(story.outcomes),
        "simulated_days": round(world.now / SECOND / 86_400, 2),
        "boots": world.boots,
        "reboots_by_itself": world.reboots,
        "failed_tasks": dict(story.failed_tasks),
        "faults": soak.faults.tally()["fired"],
        "cloud": dict(soak.ledger.counts),
        "wall_s": round(wall_s, 1),
    }
