"""Ladders of targets: checked, merged with the stored plan, and walked.

In: rungs `(label, number, ring s, staffed 0/1)` from a configuration or a route. Out: a checked plan, the next rung.
A route may reorder and add; it never takes away a staffed rung of the stored plan, nor makes it less than it is.
"""

from firmware.core.callers import same_number
from protocol import const
from protocol.fields import (
    LABEL_CHARS_MAX,
    LADDER_RUNGS_MAX,
    NUMBER_CHARS_MAX,
    NUMBER_CHARS_MIN,
    RING_S_MAX,
    RING_S_MIN,
)

SOS = const("sos")
_DIAL = const("0123456789*#")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rung(raw: object) -> tuple[str, str, int, int] | None:
    if not isinstance(raw, (list, tuple)) or len(raw) != 4:
        return None
    label, number, ring_s, staffed = raw
    if not isinstance(label, str) or not 1 <= len(label) <= LABEL_CHARS_MAX:
        return None
    if not isinstance(number, str):
        return None
    digits = number[1:] if number[:1] == "+" else number
    # An `ATD` line holds these characters and no other: a `;` or a line end would be a command of its own.
    if not NUMBER_CHARS_MIN <= len(digits) < NUMBER_CHARS_MAX or [char for char in digits if char not in _DIAL]:
        return None
    if not _whole(ring_s) or not RING_S_MIN <= ring_s <= RING_S_MAX or not _whole(staffed):
        return None
    return label, number, ring_s, 1 if staffed else 0


def checked(raw: object) -> list[tuple[str, str, int, int]] | None:
    """The plan as tuples, or None if anything in it is wrong."""
    if not isinstance(raw, (list, tuple)) or not 1 <= len(raw) <= LADDER_RUNGS_MAX:
        return None
    rungs = []
    for one in raw:
        rung = _rung(one)
        if rung is None:
            return None
        rungs.append(rung)
    return rungs


def staffed(plan: list[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    """The rungs where people sit day and night, each number once."""
    out: list[tuple[str, str, int, int]] = []
    for rung in plan:
        if rung[3] and rung[1] not in [one[1] for one in out]:
            out.append(rung)
    return out


def all_right(raw: object) -> bool:
    """Whether the plans of all keys are ladders, and SOS ends at a staffed target."""
    if not isinstance(raw, dict):
        return False
    for value in raw.values():
        if checked(value) is None:
            return False
    return bool(staffed(checked(raw.get(SOS)) or []))


def of_key(plans: dict[str, object], key: str) -> list[tuple[str, str, int, int]]:
    """The plan of a key, out of plans that are all right; a key without one reaches the desks of SOS.

    A key whose own plan has no staffed target gets those of SOS behind it: no press may end nowhere.
    """
    desks = staffed(checked(plans[SOS]) or [])
    rungs = checked(plans.get(key))
    if rungs is None:
        return desks
    return rungs if staffed(rungs) else merge(rungs, desks)


def merge(
    route: list[tuple[str, str, int, int]], stored: list[tuple[str, str, int, int]]
) -> list[tuple[str, str, int, int]]:
    """The route with every staffed rung of the stored plan in it, at most LADDER_RUNGS_MAX rungs."""
    desks = {rung[1]: rung for rung in staffed(stored)}
    out = []
    for rung in route:
        desk = desks.get(rung[1])
        # A route can neither ring the desk shorter than the stored plan does, nor say that nobody sits there.
        out.append(rung if desk is None else (rung[0], rung[1], max(rung[2], desk[2]), 1))
    missing = [rung for rung in staffed(stored) if rung[1] not in [one[1] for one in route]]
    index = len(out) - 1
    while len(out) + len(missing) > LADDER_RUNGS_MAX and index >= 0:
        again = out[index][1] in [one[1] for one in out[:index]]
        if out[index][1] not in desks or again:
            del out[index]
        index -= 1
    return out + missing


def rung_of(plan: list[tuple[str, str, int, int]], number: str) -> int | None:
    """Index of the first rung that this caller is, or None for a stranger."""
    for index in range(len(plan)):
        if same_number(plan[index][1], number):
            return index
    return None


def carried(plan: list[tuple[str, str, int, int]], last: str | None) -> list[str]:
    """What counts as dialled when a cycle begins.

    Desk, family, desk would dial the desk twice in a row in every cycle: the last dial of one is the first of the next.
    """
    others = [rung for rung in plan if rung[1] != last]
    return [last] if last is not None and others and len(plan) > 2 * len(others) else []


def next_rung(
    plan: list[tuple[str, str, int, int]], tried: list[str], last: str | None = None, resting: "list[str] | None" = None
) -> int | None:
    """Index of the first rung whose turn has not come in this cycle, or None at its end.

    `last`: a number that should not be dialled twice in a row, if anybody else's turn has not come either.
    `resting`: numbers that others go before, for they were dialled a moment ago.
    `tried`: the numbers dialled in this cycle, also under an earlier plan. Each uses up one rung with that number, so a
    plan that changes in the middle neither starts again from its top nor leaves anybody out.
    """
    left = list(tried)
    waiting = []
    for index in range(len(plan)):
        if plan[index][1] in left:
            left.remove(plan[index][1])
        else:
            waiting.append(index)
    if len(tried) >= LADDER_RUNGS_MAX:
        # Routes that keep changing could add targets for ever: past one full ladder only desks not yet dialled go.
        waiting = [index for index in waiting if plan[index][3] and plan[index][1] not in tried]
    for avoided in ([last] + (resting or []), resting or [], [last]):
        for index in waiting:
            if plan[index][1] not in avoided:
                return index
    return waiting[0] if waiting else None
