"""What the desk sees at one moment: open cases and terminals, in words, masked where no emergency is open.

In: an open transaction and `now`. Out: plain data that the page and the JSON both show.
Personal data is in the clear only in an open emergency: whoever answers must be able to send an ambulance.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud.calls import codes, rules
from cloud.calls import store as cases_store
from cloud.calls.models import Rung
from cloud.devices import rules as devices_rules
from cloud.devices import store as devices_store
from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.elders import store as elders_store
from cloud.elders.rules import masked_address, masked_name, masked_number
from cloud.errors import described
from cloud.providers import store as providers_store
from cloud.web import words
from cloud.web.desks import store
from cloud.web.desks.views import Board, CaseView, PersonView, RefusedView, RungView, TerminalBoard, TerminalView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from cloud.calls.models import Case, Fact
    from cloud.db import Conn
    from cloud.devices.models import Gap
    from cloud.elders.models import Household
    from cloud.sealed import Box
    from cloud.web.desks.store import Terminal

log = logging.getLogger(__name__)

REFUSED_SHOWN = 20  # presses that could not be taken; the rest is counted
REFUSED_LOOKED_BACK = timedelta(hours=24)  # older ones are in the health report
CLOSED_SHOWN = 6  # the latest closed cases, so that a click by mistake is seen
LINES_SHOWN = 30  # of a case's story; the rest stays in the database
CSQ_UNKNOWN = 99
CSQ_WEAK = 10
BATTERY_LOW_PCT = 20
SILENCE_LOOKED_BACK = timedelta(days=4)  # the worst silence that is told apart is three days

_PLAIN_LINES = {
    codes.CANCELLED: "用户取消",
    codes.EXHAUSTED: "全部目标均未接通",
    codes.ACCEPTED: "{actor} 接听受理",
    codes.ON_THE_WAY: "{actor} 确认已出发",
    codes.CLOSED: "{actor} 结案",
}
_STEP_WORDS = {"dial": "拨号", "ring": "振铃", "talk": "接通", "end": "通话结束", "fail": "未接通"}


async def cases(conn: Conn, box: Box, now: datetime) -> Board:
    """Open cases, emergencies first, and the latest closed ones."""
    open_cases = await cases_store.open_cases(conn)
    closed_cases = await cases_store.closed_cases(conn, CLOSED_SHOWN)
    every = open_cases + closed_cases
    ids = [case.case_id for case in every]
    facts = await cases_store.facts_of(conn, ids)
    routes = await cases_store.routes_of(conn, box, ids)
    steps = await cases_store.steps_of_cases(conn, ids)
    services = await providers_store.services(conn)
    homes = await elders_store.households(conn, box, [case.home_id for case in every if case.home_id])
    rows = await store.terminals(conn, sorted({case.device_id for case in every}))
    seen = {view.device_id: view for view in await _terminal_views(conn, rows, now)}
    views = [
        _safe_view(
            case,
            facts.get(case.case_id, []),
            routes.get(case.case_id, []),
            key_name=key_name(case.key, steps.get(case.case_id, ()), services),
            home=homes.get(case.home_id) if case.home_id else None,
            terminal=seen.get(case.device_id),
        )
        for case in every
    ]
    alarms, waiting, attended = await cases_store.count_open(conn)
    since = now - REFUSED_LOOKED_BACK
    return Board(
        now=now,
        refused=await _refused(conn, box, since),
        refused_total=await devices_store.count_refused_presses(conn, since),
        cases=views[: len(open_cases)],
        closed=views[len(open_cases) :],
        alarms=alarms,
        waiting=waiting,
        attended=attended,
        hidden=max(alarms + waiting + attended - len(open_cases), 0),
    )


async def terminals(conn: Conn, now: datetime) -> TerminalBoard:
    """Terminals, the worst first, and how many stand how."""
    gaps = await _gaps(conn, now)
    views = await _terminal_views(conn, await store.terminals(conn), now)
    order = {contact: place for place, contact in enumerate(reversed(devices_rules.CONTACTS))}
    # In a call first, then by how bad it is; then by name, so that a list that changes can still be read.
    views.sort(key=lambda view: (view.contact != "in_call", not view.warnings, order[view.contact], view.device_id))
    counted: Counter[str] = Counter()
    for contact, number in await store.contact_counts(conn, now):
        counted[devices_rules.contact(contact, now, gaps)] += number
    counts = [(name, words.CONTACTS[name], counted[name]) for name in devices_rules.CONTACTS if counted[name]]
    silent_since = next((gap.from_at for gap in gaps if gap.until_at >= now), None)
    return TerminalBoard(now, views, counts, counted.total(), silent_since)


async def terminal(conn: Conn, device_id: str, now: datetime) -> TerminalView | None:
    """One terminal as the list shows it."""
    views = await _terminal_views(conn, await store.terminals(conn, [device_id]), now)
    return views[0] if views else None


def key_name(key: str | None, steps: Sequence[str], services: dict[str, str]) -> str:
    """What a key does, by its binding; by its place where nothing is bound to it."""
    if key is None:
        return "来电（按键记录未到）"
    if key == "sos":
        return codes.KEYS[key]
    known = {codes.STATION: "驿站服务", codes.FAMILY: "亲情呼叫", codes.AMBULANCE: "急救", codes.DESK: "坐席服务"}
    names = {**services, **known}
    return names.get(steps[0], codes.KEYS[key]) if steps else codes.KEYS[key]


async def _refused(conn: Conn, box: Box, since: datetime) -> list[RefusedView]:
    found = await devices_store.refused_presses(conn, since, REFUSED_SHOWN)
    where = await elders_store.homes_of_devices(conn, sorted({each.device_id for each in found}))
    homes = await elders_store.households(conn, box, list(where.values()))
    views = []
    for each in found:
        home = homes.get(where[each.device_id]) if each.device_id in where else None
        view = RefusedView(
            quarantine_id=each.quarantine_id,
            device_id=each.device_id,
            at=each.first_at,
            times=each.times,
            last_at=each.last_at,
            reason=each.reason,
            reason_name=words.REFUSALS.get(each.reason, each.reason),
            place=f"{home.street} · {home.community}" if home else None,
            address=home.address if home else None,
            people=_people(((elder.name, elder.phone) for elder in home.elders), masked=False) if home else [],
        )
        views.append(view)
    return views


def _safe_view(
    case: Case,
    facts: list[Fact],
    route: list[Rung],
    *,
    key_name: str,
    home: Household | None,
    terminal: TerminalView | None,
) -> CaseView:
    """The case, without its story where that cannot be told: one broken case must not hide the others."""
    try:
        return _case_view(case, facts, route, key_name=key_name, home=home, terminal=terminal)
    except Exception as error:  # noqa: BLE001 - whatever it is, the desk must see that somebody pressed
        log.error("case without its story: %s", described(error))  # noqa: TRY400 - its text may quote a row
        return _case_view(case, [], route, key_name=key_name, home=home, terminal=terminal)


def _case_view(
    case: Case,
    facts: list[Fact],
    route: list[Rung],
    *,
    key_name: str,
    home: Household | None,
    terminal: TerminalView | None,
) -> CaseView:
    masked = case.urgency != codes.EMERGENCY or case.closed_at is not None
    ordered = rules.in_order(facts) if facts else []
    disposed = next((fact for fact in reversed(ordered) if fact.kind == codes.DISPOSED), None)
    return CaseView(
        case_id=case.case_id,
        device_id=case.device_id,
        urgency=case.urgency,
        urgency_name=codes.URGENCIES[case.urgency],
        key=case.key,
        key_name=key_name,
        state=case.state,
        state_name=codes.STATES[case.state],
        late=case.late,
        presses=case.presses,
        opened_at=case.opened_at,
        pressed_at=case.pressed_at,
        waiting_since=case.waiting_since,
        escalation=case.escalation,
        escalation_name=codes.ESCALATIONS[case.escalation],
        due_at=case.due_at,
        due_name=codes.ESCALATIONS[case.escalation + 1] if case.due_at else None,
        accepted_at=case.accepted_at,
        accepted_by=case.accepted_by,
        cancelled_at=case.cancelled_at,
        on_the_way_at=case.on_the_way_at,
        closed_at=case.closed_at,
        disposition=codes.DISPOSITIONS.get(disposed.body["disposition"]) if disposed else None,
        place=f"{home.street} · {home.community}" if home else None,
        address=(masked_address() if masked else home.address) if home else None,
        lives_alone=home.lives_alone if home else False,
        people=_people(((elder.name, elder.phone) for elder in home.elders), masked=masked) if home else [],
        contacts=_contacts(home, masked=masked),
        route=_route(route, ordered, case, masked=masked),
        story=_story(ordered),
        terminal=terminal,
        masked=masked,
    )


def _people(people: Iterable[tuple[str, str | None]], *, masked: bool) -> list[PersonView]:
    return [
        PersonView(masked_name(name), masked_number(phone) if phone else None) if masked else PersonView(name, phone)
        for name, phone in people
    ]


def _contacts(home: Household | None, *, masked: bool) -> list[PersonView]:
    """Labels say who it is to the elder, not a name: only numbers are masked."""
    if home is None:
        return []
    return [
        PersonView(contact.label, masked_number(contact.number) if masked else contact.number)
        for contact in home.contacts
    ]


def _route(route: list[Rung], ordered: list[Fact], case: Case, *, masked: bool) -> list[RungView]:
    last = next((fact for fact in reversed(ordered) if fact.kind == codes.STEP), None)
    busy = case.state in {"dialling", "ringing", "talking"} and case.closed_at is None
    at = last.body.get("rung") if last and busy else None
    return [
        RungView(rung.label, masked_number(rung.number) if masked and not rung.staffed else rung.number, place == at)
        for place, rung in enumerate(route)
    ]


def _story(ordered: list[Fact]) -> list[tuple[datetime, str]]:
    """By time, as people tell it; what happened at one time in the order of the facts."""
    lines = [(fact.happened_at or fact.at, story_line(fact)) for fact in ordered]
    return sorted(lines, key=lambda line: line[0])[-LINES_SHOWN:]


def story_line(fact: Fact) -> str:
    """One fact in one line."""
    body = fact.body
    match fact.kind:
        case codes.PRESS:
            return "按键" + ("（测试）" if body["how"] == "test" else "") + ("，记录迟到" if body["late"] else "")
        case codes.ROUTED:
            return "派线：" + " → ".join(body["labels"])
        case codes.STEP:
            return _step_line(body)
        case codes.ESCALATED:
            return f"未受理，升级至{codes.ESCALATIONS[body['level']]}"
        case codes.DISPOSED:
            return "处置：" + _disposition(body)
    return _PLAIN_LINES[fact.kind].format(actor=fact.actor)


def _step_line(body: dict[str, Any]) -> str:
    who = body.get("to") or ("来电" if body.get("dir") == "in" else "")
    parts = [_STEP_WORDS[body["step"]], who]
    if body.get("cause"):
        parts.append(f"（{codes.CAUSES.get(body['cause'], '其他原因')}）")
    if body.get("dur"):
        parts.append(f"通话{body['dur']}秒")
    return " ".join(part for part in parts if part)


def _disposition(body: dict[str, Any]) -> str:
    names = [codes.DISPOSITIONS.get(body["disposition"], "")]
    if body["outcome"]:
        names.append(codes.OUTCOMES.get(body["outcome"], ""))
    return "，".join(names)


async def _gaps(conn: Conn, now: datetime) -> list[Gap]:
    return await devices_store.gaps(conn, now - SILENCE_LOOKED_BACK, now, INGEST_SILENCE_ALLOWED)


async def _terminal_views(conn: Conn, rows: list[Terminal], now: datetime) -> list[TerminalView]:
    gaps = await _gaps(conn, now)
    places = await elders_store.places(conn, [row.device_id for row in rows])
    return [_terminal_view(row, places.get(row.device_id), devices_rules.contact(row, now, gaps)) for row in rows]


def _terminal_view(row: Terminal, place: str | None, contact: str) -> TerminalView:
    warnings = [words.FAULTS.get(fault, "故障") for fault in row.open_faults]
    if row.csq is not None and row.csq < CSQ_WEAK:
        warnings.append("信号弱")
    if row.battery_pct is not None and row.battery_pct < BATTERY_LOW_PCT and "battery_low" not in row.open_faults:
        warnings.append("电量低")
    return TerminalView(
        device_id=row.device_id,
        place=place,
        contact=contact,
        contact_name=words.CONTACTS[contact],
        sign=words.CONTACT_SIGNS[contact],
        last_seen_at=row.last_seen_at,
        battery_pct=row.battery_pct,
        on_mains=row.on_mains,
        csq=None if row.csq == CSQ_UNKNOWN else row.csq,
        warnings=warnings,
    )
