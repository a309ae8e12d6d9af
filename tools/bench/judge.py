"""What must be true of every press, whatever fails meanwhile. Pure: facts in, broken rules out.

In: what was pressed, noted, dialled, texted and stored, in seconds of one clock. Out: a sentence for each broken rule.
It knows nothing of how the facts came about, so that it can be judged by tests itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

TALK_S = 10.0  # with a staffed target: then a human has answered
ACCEPT_KEY = "1"
NEAR_S = 1.0  # clocks of network and terminal are one; a report takes this long at most
LATE_S = 1.5  # a slow line tells the end of a talk so much later, and the terminal counts up to what it is told
UNTOLD_S = 15.0  # a modem that fell silent hides the end of a talk until it answers again or was restarted
CUT_GRACE_S = 0.5  # a press within this of a power cut may not have reached storage
UNSAVED_S = 2.0  # any other message: files are written between two steps of an alarm
FIRE_S = 2.5  # from a contact's edge to its press: hold and debounce, and a busy chip
DEAF_S = 0.5  # after a start contacts are not believed


@dataclass(frozen=True)
class Finger:
    """A contact that was closed, written down before. `fires`: held long enough for its key."""

    at: float
    key: str
    fires: bool = True


@dataclass(frozen=True)
class Noted:
    """A press that the firmware noted."""

    at: float
    id: str
    key: str
    how: str


@dataclass(frozen=True)
class Kept:
    """A message that the firmware put into its outbox, as it was then."""

    at: float
    id: str
    kind: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call as the network saw it."""

    number: str
    started: float
    ended: float
    talked: float = 0.0
    human: bool = False
    pressed: str = ""  # keys of the other side


@dataclass
class Episode:
    """From a first press until nobody is called any more."""

    fingers: list[Finger] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    texts: list[tuple[float, str]] = field(default_factory=list)  # time, number; tried, not only sent
    accepted: list[float] = field(default_factory=list)  # by the desk, for a press of this home
    ladders: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # press: (number, staffed) that it meant
    texts_due: dict[str, list[str]] = field(default_factory=dict)  # press: who gets a short message if nobody answers
    cuts: list[float] = field(default_factory=list)  # power cuts of the terminal
    runs: list[tuple[float, float]] = field(default_factory=list)  # when help was being called
    up: list[tuple[float, float]] = field(default_factory=list)  # when the terminal ran
    settled: bool = True  # the ladder came to rest in time


def judge(episode: Episode) -> list[str]:
    """Every rule that was broken; empty is good."""
    broken = [] if episode.settled else ["help was still being called when the limit came"]
    broken += _pressed(episode)
    for press in episode.noted:
        if press.key != "cancel" and press.how != "test" and not ended(episode, press):
            broken.append(f"press {press.id} ({press.key}) at {press.at:.1f} ended with nobody")
    return broken


def ended(episode: Episode, press: Noted) -> str | None:
    """How it ended: human, accepted, cancelled, tried, pre-empted, mailbox (not for SOS); None if it did not."""
    after = [call for call in episode.calls if call.ended >= press.at - NEAR_S]
    if _answered(episode, after) or _answered(episode, _untold(episode, press)):
        return "human"
    facts = (
        ("accepted", any(at >= _opened(episode, press) - NEAR_S for at in episode.accepted)),
        ("cancelled", any(other.key == "cancel" and other.at >= press.at for other in episode.noted)),
        ("tried", _tried(episode, press, after)),
        # Undone by a power cut before it reached storage, as if nobody had pressed: the terminal goes dark in the hand.
        ("cut", any(0 <= cut - press.at <= CUT_GRACE_S for cut in episode.cuts)),
        # A later press of the same home took its alarm over; that one is judged for itself.
        ("pre-empted", any(n.at > press.at and n.key not in ("cancel", press.key) for n in episode.noted)),
    )
    for name, holds in facts:
        if holds:
            return name
    return _talked(after) if press.key != "sos" else None


def _opened(episode: Episode, press: Noted) -> float:
    """When the alarm began that this press is part of: its own moment, or that of an earlier press.

    Of the same key, or of the red one: no other key is served while that one's alarm runs.
    """
    run = next(((begin, end) for begin, end in episode.runs if begin - NEAR_S <= press.at <= end), None)
    if run is None:
        return press.at
    return min(n.at for n in episode.noted if n.key in (press.key, "sos") and run[0] - NEAR_S <= n.at <= press.at)


def _untold(episode: Episode, press: Noted) -> list[Call]:
    """Talks of the red key's alarm, still running for the terminal, that had ended just before another key's press.

    The key was told that the alarm has the line, and the alarm had its human.
    """
    if press.key == "sos" or not any(begin - NEAR_S <= press.at <= end for begin, end in episode.runs):
        return []
    red = [n.at for n in episode.noted if n.key == "sos" and _opened(episode, press) <= n.at <= press.at]
    return [call for call in episode.calls if red and red[0] <= call.started and call.ended >= press.at - UNTOLD_S]


def _talked(calls: list[Call]) -> str | None:
    """A service key ends with whoever talks: no terminal can tell a mailbox, and the user has the key in hand."""
    talks = [call.human for call in calls if call.talked >= TALK_S - LATE_S]
    return None if not talks else "human" if any(talks) else "mailbox"


def _answered(episode: Episode, calls: list[Call]) -> bool:
    """A person at a staffed number for ten seconds, or a person who pressed the key."""
    staffed = {number for ladder in episode.ladders.values() for number, staff in ladder if staff}
    long = [call for call in calls if call.number in staffed and call.talked >= TALK_S - LATE_S]
    return any(call.human for call in long) or any(call.human and ACCEPT_KEY in call.pressed for call in calls)


def _tried(episode: Episode, press: Noted, calls: list[Call]) -> bool:
    """Every rung was dialled, and everybody who reads was sent a message or it was tried."""
    wanted = {number for number, _ in episode.ladders.get(press.id, [])}
    texted = {number for at, number in episode.texts if at >= press.at - NEAR_S}
    dialled = {call.number for call in calls}
    return bool(wanted) and wanted <= dialled and set(episode.texts_due.get(press.id, [])) <= texted


def _pressed(episode: Episode) -> list[str]:
    """Every finger that the terminal could feel became one press."""
    left = list(episode.noted)
    broken = []
    for finger in episode.fingers:
        match = next((n for n in left if n.key == finger.key and 0 <= n.at - finger.at <= FIRE_S), None)
        if match is not None:
            left.remove(match)
        elif finger.fires and _felt(episode, finger.at):
            broken.append(f"finger on {finger.key} at {finger.at:.1f} became no press")
    broken += [f"press {noted.id} of nobody's finger" for noted in left]
    return broken


def _felt(episode: Episode, at: float) -> bool:
    """The terminal ran from well before the edge until its key must have fired."""
    return any(begin + DEAF_S <= at and at + FIRE_S <= end for begin, end in episode.up)


def stored(noted: list[Noted], rows: list[tuple[str, str, str]], cuts: list[float]) -> tuple[list[str], int]:
    """Presses noted against (id, key, how) of the database; broken rules, and how many a power cut caught in flight."""
    broken: list[str] = []
    caught = 0
    times = Counter(row[0] for row in rows)
    content = {row[0]: row[1:] for row in rows}
    for press in noted:
        if times[press.id] == 0 and any(0 <= cut - press.at <= CUT_GRACE_S for cut in cuts):
            caught += 1
        elif times[press.id] != 1:
            broken.append(f"press {press.id} at {press.at:.1f} is stored {times[press.id]} times")
        elif content[press.id] != (press.key, press.how):
            broken.append(f"press {press.id} is stored as {content[press.id]}")
    known = {press.id for press in noted}
    broken += [f"stored press {row[0]} was never noted" for row in rows if row[0] not in known]
    return broken, caught


def arrived(
    kept: list[Kept], dropped: set[str], rows: list[tuple[str, str, dict[str, Any]]], cuts: list[float]
) -> tuple[list[str], int]:
    """What was put into the outbox against (id, kind, body) of the database; broken rules, and how many a cut took.

    `dropped`: ids that a full outbox gave up, which its count has to tell.
    """
    broken: list[str] = []
    caught = 0
    times = Counter(row[0] for row in rows)
    content = {row[0]: (row[1], _told(row[2])) for row in rows}
    for one in kept:
        if times[one.id] > 1:
            broken.append(f"{one.kind} {one.id} at {one.at:.1f} is stored {times[one.id]} times")
        elif times[one.id] == 1:
            if content[one.id] != (one.kind, _told(one.fields)):
                broken.append(f"{one.kind} {one.id} is stored as {content[one.id]}, and was {_told(one.fields)}")
        elif one.id in dropped:
            continue
        elif any(0 <= cut - one.at <= UNSAVED_S for cut in cuts):
            caught += 1
        else:
            broken.append(f"{one.kind} {one.id} at {one.at:.1f} is not stored: {_told(one.fields)}")
    known = {one.id for one in kept}
    broken += [f"stored {row[1]} {row[0]} was never kept" for row in rows if row[0] not in known]
    return broken, caught


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    """What a message says, without what differs from send to send."""
    return {name: value for name, value in fields.items() if value is not None and name not in ("v", "s")}
