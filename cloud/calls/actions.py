"""One function per thing that can happen to a case: load, decide, save. No commit.

A press is never dropped here: whatever is missing (household, binding, providers, an earlier message), it becomes
a case that the desk sees, and only what cannot be known is left out of it.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud import db
from cloud.calls import codes, rules, store
from cloud.calls.ladder import DESK_RING_S, ONLY_DESK, ladder
from cloud.calls.models import Fact, Rung
from cloud.down import queue
from cloud.elders import store as elders
from cloud.errors import BadInput, Conflict, NotFound, described
from cloud.providers import store as providers
from cloud.providers.models import Place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from cloud.calls.models import Case
    from cloud.db import Conn
    from cloud.devices.models import Received
    from cloud.elders.models import Household
    from cloud.sealed import Box
    from cloud.settings import Settings

log = logging.getLogger(__name__)

# A case whose user presses again and again: the newest presses hold the one that the terminal still has open.
LAMPS_MAX = 8
_AFTER = timedelta(microseconds=1)  # the smallest step of the database's clock

# Events of the terminal that belong to a case, and the fact that each is.
_EVENTS = {"ladder_exhausted": codes.EXHAUSTED, "ladder_cancelled": codes.CANCELLED}


async def on_press(conn: Conn, box: Box, settings: Settings, message: Received) -> None:
    """A key was pressed: open or join a case, and tell the terminal whom to call."""
    key, how = message.body["key"], message.body["how"]
    if key == "cancel":
        await _on_cancel(conn, message)
        return
    home_id = await elders.home_of_device(conn, message.device_id)
    steps = await store.binding(conn, home_id, key) or ONLY_DESK
    gravity = rules.urgency(key, how, steps)
    if gravity == codes.TEST and home_id is None:
        return  # of a bench: nobody is behind it, and the desk would wait on one for every terminal that is made
    late = rules.is_late(message.late_s)
    case = await _case_of_press(conn, message, gravity)
    case_id = case.case_id if case else await store.open_case(conn, message.device_id, home_id, message.received_at)
    # A press that was on its way here while the desk accepted the one before was not accepted with it.
    at = max(message.received_at, case.accepted_at + _AFTER) if case and case.accepted_at else message.received_at
    body = {"key": key, "how": how, "late": late, "urgency": gravity}
    await _add(conn, case_id, message, codes.PRESS, ref=message.id, body=body, at=at)
    if not late and gravity != codes.TEST:
        household = await elders.household(conn, box, home_id) if home_id else None
        rungs = await _rungs(conn, box, settings, steps, household, at=message.received_at)
        await _send_route(conn, box, case_id, message, rungs)
    await _settle(conn, case_id)


async def on_call_progress(conn: Conn, message: Received) -> None:
    """The terminal reports a step of an attempt. Known before its press, it opens the case that the press will join."""
    case_id = await _case_of_ref(conn, message)
    if case_id is None:
        return  # a call that belongs to no press: it stays among the messages
    names = ("dir", "step", "to", "rung", "cycle", "dur", "cause", "src", "ver")
    body = {name: message.body[name] for name in names if message.body[name] is not None}
    await _add(conn, case_id, message, codes.STEP, ref=message.body["ref"], body=body)
    await _settle(conn, case_id)


async def on_event(conn: Conn, message: Received) -> None:
    """The ladder is exhausted, or the user ended it. Other events are no part of a case."""
    kind = _EVENTS.get(message.body["ev"])
    case_id = await _case_of_ref(conn, message) if kind else None
    if kind is None or case_id is None:
        return
    await _add(conn, case_id, message, kind, ref=message.body["ref"], body={"ev": message.body["ev"]})
    await _settle(conn, case_id)


async def accept(conn: Conn, box: Box, case_id: UUID, actor: str, now: datetime) -> None:
    """A person at the desk takes the case: the lamp in the home says so. Of two at once one gets Conflict."""
    if not await store.take(conn, case_id, actor, now):
        case = await _must_find(conn, case_id)
        raise Conflict("该呼叫已结案" if case.closed_at else "该呼叫已有人受理")
    facts = await store.facts(conn, case_id)
    # Clocks of two machines may differ by a little; an acceptance is never older than what was accepted.
    at = max(now, *(fact.at for fact in facts))
    await _desk_fact(conn, box, case_id, Fact(codes.ACCEPTED, at, actor=actor), lamp="accepted", now=now)


async def on_the_way(conn: Conn, box: Box, case_id: UUID, actor: str, now: datetime) -> None:
    """The desk has sent somebody."""
    case = await _must_find(conn, case_id, lock=True)
    _must_be_attended(case)
    await _desk_fact(conn, box, case_id, Fact(codes.ON_THE_WAY, now, actor=actor), lamp="on_the_way", now=now)


async def close(  # noqa: PLR0917 - the one action of the desk that is told what and how
    conn: Conn, box: Box, case_id: UUID, actor: str, disposition: str, now: datetime, outcome: str | None = None
) -> None:
    """End the case with what it was and, where known, what was done. Not before every press of it was accepted."""
    if disposition not in codes.DISPOSITIONS:
        raise BadInput("请选择呼叫原因")
    if outcome is not None and outcome not in codes.OUTCOMES:
        raise BadInput("请选择处置结果")
    case = await _must_find(conn, case_id, lock=True)
    _must_be_attended(case)
    told = Fact(codes.DISPOSED, now, actor=actor, body={"disposition": disposition, "outcome": outcome})
    await store.add_fact(conn, case_id, case.device_id, told)
    await _desk_fact(conn, box, case_id, Fact(codes.CLOSED, now, actor=actor), lamp="closed", now=now)


async def sweep(conn: Conn, box: Box, settings: Settings, now: datetime) -> int:
    """Raise every case that nobody accepted in time to its next level; returns how many were raised."""
    del box, settings  # what every action of the sweep is given; this one needs neither
    raised = 0
    broken: list[UUID] = []
    # A sweep that was away catches up level by level, so a case may be due again at once.
    while due := await store.due(conn, now, broken):
        for case in due:
            try:
                async with conn.transaction():
                    await _raise(conn, case, now)
                raised += 1
            except Exception as error:  # one broken case must not keep the others from being raised
                if db.is_outage(error, conn):
                    raise
                log.error("case not raised: %s", described(error))  # noqa: TRY400 - its text may quote a row
                broken.append(case.case_id)
    return raised


async def stored_plan(conn: Conn, box: Box, settings: Settings, device_id: str) -> dict[str, list[Any]]:
    """The plan that the terminal keeps for when it cannot ask: the same rule, evaluated for any hour."""
    home_id = await elders.home_of_device(conn, device_id)
    household = await elders.household(conn, box, home_id) if home_id else None
    plan = {}
    for key, steps in (await store.bindings(conn, home_id)).items():
        rungs = await _rungs(conn, box, settings, steps, household, at=None)
        if rungs:
            plan[key] = [rung.on_the_wire() for rung in rungs]
    return plan


async def _raise(conn: Conn, case: Case, now: datetime) -> None:
    body = {"level": case.escalation + 1}
    at = max(now, case.waiting_since or now)
    await store.add_fact(conn, case.case_id, case.device_id, Fact(codes.ESCALATED, at, body=body))
    await _settle(conn, case.case_id)


async def _on_cancel(conn: Conn, message: Received) -> None:
    """The user took a press back: a fact, never an end. Known before its press, it waits for it in a case."""
    case_id = await _case_of_ref(conn, message)
    if case_id is None:
        return  # nothing was open: a cancel alone is no call for help
    await _add(conn, case_id, message, codes.CANCELLED, ref=message.body["ref"], body={"ev": "cancelled_by_user"})
    await _settle(conn, case_id)


async def _case_of_press(conn: Conn, message: Received, gravity: str) -> Case | None:
    """The open case that a press belongs to, locked; None where it needs one of its own."""
    known = await store.of_ref(conn, message.device_id, message.id)
    if known is not None and not await store.has_press(conn, known, message.id):
        case = await store.case(conn, known, lock=True)
        if case is not None and case.closed_at is None:
            return case  # its calls arrived first
        # Closed by what was known of it without the press: somebody must look again, now that it is here.
    return rules.joins(await store.open_of_device(conn, message.device_id), message.body["key"], gravity)


async def _case_of_ref(conn: Conn, message: Received) -> UUID | None:
    """The case of the press that the message names, opened if not known yet; unnamed: the newest open one."""
    ref = message.body["ref"]
    if ref is None:
        newest = await store.open_of_device(conn, message.device_id)
        return newest[0].case_id if newest else None
    known = await store.of_ref(conn, message.device_id, ref)
    if known is not None:
        await store.case(conn, known, lock=True)
        return known
    home_id = await elders.home_of_device(conn, message.device_id)
    return await store.open_case(conn, message.device_id, home_id, message.received_at)


async def _add(
    conn: Conn,
    case_id: UUID,
    message: Received,
    kind: str,
    *,
    ref: str | None,
    body: dict[str, Any],
    at: datetime | None = None,
) -> None:
    fact = Fact(
        kind=kind,
        at=at or message.received_at,
        message_id=message.id,
        ref=ref,
        happened_at=message.happened_at,
        body=body,
    )
    await store.add_fact(conn, case_id, message.device_id, fact)


async def _rungs(
    conn: Conn, box: Box, settings: Settings, steps: Iterable[str], household: Household | None, *, at: datetime | None
) -> tuple[Rung, ...]:
    hotline = Rung(settings.hotline_label, settings.hotline_number, DESK_RING_S, staffed=True)
    place = Place(household.street_code, household.community) if household else None
    return ladder(steps, household, await providers.for_place(conn, box, place), hotline, at)


async def _send_route(conn: Conn, box: Box, case_id: UUID, message: Received, rungs: tuple[Rung, ...]) -> None:
    if not rungs:
        return  # not even the hotline can be dialled: the terminal has its stored plan, the desk has the case
    now = message.received_at
    version = 1 + sum(fact.kind == codes.ROUTED for fact in await store.facts(conn, case_id))
    plan = [rung.on_the_wire() for rung in rungs]
    expires_at = now + rules.ROUTE_VALID
    fields = {
        "ref": message.id,
        "case": str(case_id),
        "ver": version,
        "plan": plan,
        "exp": int(expires_at.timestamp()),
    }
    await queue.send(conn, box, message.device_id, "route", fields, now, expires_at, message.id)
    body = {"ver": version, "labels": [rung.label for rung in rungs]}
    fact = Fact(codes.ROUTED, now, ref=message.id, body=body)
    await store.add_fact(conn, case_id, message.device_id, fact, sealed=box.seal(json.dumps(plan)))


async def _desk_fact(conn: Conn, box: Box, case_id: UUID, fact: Fact, *, lamp: str, now: datetime) -> None:
    """Add what the desk did, and light the lamp of the case's presses accordingly."""
    case = await _must_find(conn, case_id)
    await store.add_fact(conn, case_id, case.device_id, fact)
    expires_at = now + rules.DESK_VALID
    for ref in rules.refs_to_tell(await store.facts(conn, case_id), LAMPS_MAX):
        fields = {"ref": ref, "st": lamp, "exp": int(expires_at.timestamp())}
        await queue.send(conn, box, case.device_id, "desk", fields, now, expires_at, ref)
    await _settle(conn, case_id)


async def _settle(conn: Conn, case_id: UUID) -> None:
    await store.save(conn, case_id, rules.summarise(await store.facts(conn, case_id)))


async def _must_find(conn: Conn, case_id: UUID, *, lock: bool = False) -> Case:
    case = await store.case(conn, case_id, lock=lock)
    if case is None:
        raise NotFound("没有这个呼叫")
    return case


def _must_be_attended(case: Case) -> None:
    if case.closed_at:
        raise Conflict("该呼叫已结案")
    if case.waiting_since:
        raise Conflict("请先受理")
