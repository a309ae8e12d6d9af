"""What a case is, computed from its facts and nothing else. Pure, and all state logic of a case lives in this file.

Facts are a set: the order in which they arrive, and hearing one twice, change nothing. A terminal's words are put into
the order in which it said them by their message ids; a route belongs to the press that it answers; what the desk says
comes after everything that the terminal says.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.calls import codes
from cloud.calls.models import Case, Fact, Summary
from protocol.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable

ANY = "any"

# word: {state before: state after}. A word that is not in the row of the present state changes nothing;
# `ANY` holds for every state that the row does not name. A new case has no state: None.
TRANSITIONS: dict[str, dict[str | None, str]] = {
    # Another press while the ladder runs is only a tone in the home; after it, it starts a new one.
    "press": {None: "pressed", "ended": "pressed", "failed": "pressed"},
    "routed": {None: "routed", "pressed": "routed"},
    # The modem's own reports.
    "dial": {ANY: "dialling"},
    "ring": {ANY: "ringing"},
    "talk": {ANY: "talking"},
    "end": {ANY: "ended"},
    "fail": {ANY: "failed"},
    "exhausted": {ANY: "failed"},  # every rung of every cycle; the desk goes on
    "cancelled": {ANY: "ended"},  # the user hung up: the terminal goes on to nobody
    # The desk's last words: nothing that the terminal says changes them.
    "disposed": {ANY: "disposed"},
    "closed": {ANY: "closed"},
}
_DESK_LAST = {"disposed": 1, "closed": 2}

# Each press reads all facts of its case: one of a key that went mad must not hold up everybody else's presses.
PRESSES_MAX = 200

PRESS_LATE_S = 120  # the protocol's bound: older, or undatable, and the desk calls back instead
ROUTE_VALID = timedelta(seconds=PRESS_LATE_S)  # the same bound the other way: the stored plan has long begun by then
# During a call nothing arrives down, for 15 min at most; the lamp must still light after it.
DESK_VALID = timedelta(minutes=20)

# Not accepted for so long: the next level is told. The last level has no next.
ESCALATE_AFTER_S = {0: 15, 1: 30}


def is_late(late_s: float | None) -> bool:
    """Whether a press is too old to be routed, or cannot be dated."""
    return late_s is None or late_s > PRESS_LATE_S


def urgency(key: str, how: str, steps: Iterable[str]) -> str:
    """How grave a press is: a test never is, the red key and any key that dials the ambulance always are."""
    if how == "test":
        return codes.TEST
    return codes.EMERGENCY if key == "sos" or codes.AMBULANCE in steps else codes.SERVICE


def summarise(facts: Iterable[Fact]) -> Summary:
    """The case that a non-empty set of facts is."""
    ordered = in_order(facts)
    presses = [fact for fact in ordered if fact.kind == codes.PRESS]
    gravity = _urgency(presses)
    accepted = max((f for f in ordered if f.kind == codes.ACCEPTED), key=lambda f: f.at, default=None)
    closed_at = _last(ordered, codes.CLOSED)
    waiting = None if closed_at else _waiting_since(ordered, presses, accepted.at if accepted else None)
    level = _escalation(ordered, waiting)
    return Summary(
        key=presses[0].body["key"] if presses else None,
        urgency=gravity,
        state=_states(ordered)[-1][1],
        late=bool(presses) and all(fact.body["late"] for fact in presses),
        presses=len(presses),
        pressed_at=presses[0].happened_at if presses else None,
        waiting_since=waiting,
        escalation=level,
        due_at=_due(gravity, waiting, level),
        accepted_at=accepted.at if accepted else None,
        accepted_by=accepted.actor if accepted else None,
        cancelled_at=_cancelled(ordered, presses),
        on_the_way_at=_last(ordered, codes.ON_THE_WAY),
        closed_at=closed_at,
    )


def history(facts: Iterable[Fact]) -> list[tuple[datetime, str]]:
    """The states that the case went through, each with the time of the fact that led to it."""
    return [(fact.happened_at or fact.at, state) for fact, state in _states(in_order(facts))]


def joins(open_cases: Iterable[Case], key: str, gravity: str) -> Case | None:
    """The open case that a press of the same terminal repeats: the same key, and a test only a test."""
    same = [
        case
        for case in open_cases
        if case.key == key and case.presses < PRESSES_MAX and (case.urgency == codes.TEST) == (gravity == codes.TEST)
    ]
    return max(same, key=lambda case: (case.opened_at, case.case_id), default=None)


def refs_to_tell(facts: Iterable[Fact], most: int) -> list[str]:
    """The presses whose lamp a desk state is for: the newest `most`, late ones never."""
    live = [fact.ref for fact in in_order(facts) if fact.kind == codes.PRESS and not fact.body["late"] and fact.ref]
    return list(dict.fromkeys(reversed(live)))[:most]


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """Every fact once, in the one order that the set has."""
    unique = {_identity(fact): fact for fact in facts}
    if not unique:
        raise ValueError("a case has at least one fact")
    epochs = _epochs(unique.values())
    return [unique[key] for key in sorted(unique, key=lambda key: (*_place(unique[key], epochs), key))]


def _identity(fact: Fact) -> tuple[str, ...]:
    """Equal for what is the same fact, and orderable."""
    moments = (fact.at, fact.happened_at)
    words = (fact.kind, fact.message_id, fact.ref, fact.actor)
    return (*(str(word) for word in words), *(str(moment) for moment in moments), canonical(fact.body))


def canonical(body: dict[str, Any]) -> str:
    """One text for equal bodies."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _epochs(facts: Iterable[Fact]) -> dict[str, tuple[datetime, str]]:
    """When each storage epoch was first heard of: a terminal whose storage was wiped counts from the start again."""
    first: dict[str, tuple[datetime, str]] = {}
    for fact in facts:
        parsed = parse_id(fact.message_id or fact.ref)
        if parsed:
            epoch = parsed[0]
            first[epoch] = min(first.get(epoch, (fact.at, epoch)), (fact.at, epoch))
    return first


def _place(fact: Fact, epochs: dict[str, tuple[datetime, str]]) -> tuple[Any, ...]:
    """Terminal's words by their id, a route right after its press, the desk's by time, its last words last."""
    parsed = parse_id(fact.message_id or fact.ref)
    desk_last = _DESK_LAST.get(fact.kind, 0)
    if desk_last or parsed is None:
        return (1 + desk_last, fact.at)
    epoch, boot, sequence = parsed
    return (0, epochs[epoch], boot, sequence, 1 if fact.kind == codes.ROUTED else 0)


def _states(ordered: list[Fact]) -> list[tuple[Fact, str]]:
    state: str | None = None
    passed: list[tuple[Fact, str]] = []
    for fact in ordered:
        word = fact.body["step"] if fact.kind == codes.STEP else fact.kind
        row = TRANSITIONS.get(word, {})
        after = row.get(state, row.get(ANY))
        if after is not None and after != state:
            state = after
            passed.append((fact, after))
    # Known only by a cancellation, an escalation or an acceptance so far: somebody did press.
    return passed or [(ordered[0], "pressed")]


def _urgency(presses: list[Fact]) -> str:
    gravities = {fact.body["urgency"] for fact in presses} or {codes.EMERGENCY}
    return next(gravity for gravity in codes.URGENCIES if gravity in gravities)


def _waiting_since(ordered: list[Fact], presses: list[Fact], accepted_at: datetime | None) -> datetime | None:
    """The first press that nobody has accepted since: an acceptance holds for what had reached the desk by then.

    A case that is known by its calls only waits since the first of them, until its press arrives.
    """
    if not presses:
        return None if accepted_at else min(fact.at for fact in ordered)
    return min((fact.at for fact in presses if accepted_at is None or fact.at > accepted_at), default=None)


def _escalation(ordered: list[Fact], waiting: datetime | None) -> int:
    if waiting is None:
        return 0
    return max((f.body["level"] for f in ordered if f.kind == codes.ESCALATED and f.at >= waiting), default=0)


def _due(gravity: str, waiting: datetime | None, level: int) -> datetime | None:
    if gravity != codes.EMERGENCY or waiting is None or level not in ESCALATE_AFTER_S:
        return None
    return waiting + timedelta(seconds=ESCALATE_AFTER_S[level])


def _cancelled(ordered: list[Fact], presses: list[Fact]) -> datetime | None:
    """When the user took it back, unless she pressed again after that."""
    places = {id(fact): place for place, fact in enumerate(ordered)}
    last_press = places[id(presses[-1])] if presses else -1
    taken_back = [f for f in ordered if f.kind == codes.CANCELLED and places[id(f)] > last_press]
    return taken_back[-1].at if taken_back else None


def _last(ordered: list[Fact], kind: str) -> datetime | None:
    return max((fact.at for fact in ordered if fact.kind == kind), default=None)
