"""All SQL of device health, set by set: the facts of the whole fleet, what is open, what one look changes."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.days import shanghai_day
from cloud.health.models import Boots, ConfigTries, Days, Fault, Finding, Signal, Terminal
from cloud.health.thresholds import Thresholds
from protocol import codes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from cloud.db import Conn
    from cloud.health.models import Limits

_LOCK = 0x0CC0_0019  # any number, but the same for ever
# A transaction that wrote a fact may commit so long after the time that it wrote.
_COMMITTED = timedelta(hours=1)
# A person answers and asks; a voicemail or a wrong number is shorter or is not accepted by anybody.
TALKED_S = 10


async def lock(conn: Conn) -> None:
    """One look at a time, until the end of the transaction."""
    await conn.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


async def thresholds(conn: Conn) -> Thresholds:
    """The version that counts; a name that no program knows any more is left out."""
    cursor = await conn.execute(
        "select version, name, value from health_threshold where version = (select max(version) from health_threshold)"
    )
    rows = await cursor.fetchall()
    shipped = Thresholds()
    if not rows:
        return shipped
    return Thresholds(rows[0][0], {**shipped.values, **{name: v for _, name, v in rows if name in shipped.values}})


async def add_thresholds(conn: Conn, values: Limits, author: str, reason: str, now: datetime) -> int:
    """A new version: these are all that differ from the shipped ones."""
    cursor = await conn.execute(
        "with next as (select coalesce(max(version), 0) + 1 as version from health_threshold)"
        " insert into health_threshold select next.version, each.*, %(author)s, %(reason)s, %(now)s"
        " from next, unnest(%(names)s::text[], %(values)s::double precision[]) as each returning version",
        {"names": list(values), "values": list(values.values()), "author": author, "reason": reason, "now": now},
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def terminals(conn: Conn, now: datetime, at_once: int) -> AsyncIterator[list[Terminal]]:
    """Every terminal in a home, so many at once."""
    async with conn.cursor(row_factory=class_row(Terminal)) as cursor:
        await cursor.execute(
            """
            select d.device_id, d.status, d.created_at, d.revoked_at, d.image_kind, d.iccid as registered_iccid,
                d.imei as registered_imei, sim.expires_on as sim_expires_on, i.installed_on, p.resumed_on,
                b.home_keys, k.pressed_keys, k.sos_proved_at, d.config_version as wanted_config, s.config_version,
                s.last_seen_at, s.last_beat_at, s.in_call_until, s.link, s.link_at, s.heartbeat_s, s.booted_at,
                s.iccid, s.imei, s.battery_pct, s.on_mains, s.csq, s.clock_offset_ms, s.open_faults
            from device d
            left join device_state s using (device_id)
            left join installation i on i.device_id = d.device_id and i.removed_on is null
            left join sim on sim.iccid = coalesce(s.iccid, d.iccid)
            left join (select device_id, max(ends_on) as resumed_on from service_pause
                where ends_on > starts_on and ends_on <= %(today)s group by 1) p on p.device_id = d.device_id
            left join (select home_id, array_agg(key) as home_keys from key_binding
                where home_id is not null group by 1) b on b.home_id = i.home_id
            left join (select u.device_id, max(u.proved_at) filter (where u.key = 'sos') as sos_proved_at,
                    array_agg(u.key) filter (where u.pressed_at >= v.installed_on::timestamp
                        at time zone 'Asia/Shanghai') as pressed_keys
                from key_use u left join installation v on v.device_id = u.device_id and v.removed_on is null
                group by 1) k on k.device_id = d.device_id
            where d.status = 'installed'
            """,
            {"today": shanghai_day(now)},
        )
        while some := await cursor.fetchmany(at_once):
            yield some


async def district_keys(conn: Conn) -> frozenset[str]:
    """Keys that are bound in every home."""
    cursor = await conn.execute("select key from key_binding where home_id is null")
    return frozenset(row[0] for row in await cursor.fetchall())


async def faults(conn: Conn) -> dict[str, dict[str, Fault]]:
    """Every open fault with when it began: the first time that it was told after its restore was last told.

    Raw events are not kept for ever; of an older fault the finding that it opened knows more.
    """
    cursor = await conn.execute(
        """
        select s.device_id, f.code, coalesce(e.since, n.since, s.last_seen_at),
            coalesce(e.told_at, n.since, s.last_seen_at)
        from device_state s join device d on d.device_id = s.device_id and d.status = 'installed'
        cross join lateral unnest(s.open_faults) f (code)
        join unnest(%(faults)s::text[], %(restores)s::text[]) pair (fault, restore) on pair.fault = f.code
        left join finding n on n.device_id = s.device_id and n.rule = f.code and n.closed_at is null
        left join lateral (
            select max(coalesce(happened_at, received_at)) as at from event
            where event.device_id = s.device_id and event.code = pair.restore) r on true
        left join lateral (
            select min(coalesce(happened_at, received_at)) as since, min(received_at) as told_at from event
            where event.device_id = s.device_id and event.code = f.code
                and (r.at is null or coalesce(happened_at, received_at) > r.at)) e on true
        where s.open_faults <> '{}'
        """,
        {"faults": [fault for fault, _ in codes.FAULTS], "restores": [restore for _, restore in codes.FAULTS]},
    )
    found: dict[str, dict[str, Fault]] = defaultdict(dict)
    for device_id, code, since, told_at in await cursor.fetchall():
        found[device_id][code] = Fault(since, told_at)
    return found


async def days(conn: Conn, now: datetime, limits: Limits) -> dict[str, Days]:
    """The last seven whole days, for terminals at which something about them is remarkable."""
    today = shanghai_day(now)
    cursor = await conn.execute(
        """
        with expected as (
            select d.device_id, coalesce(s.heartbeat_s, 600) as beat_s,
                greatest(%(week)s::date, i.installed_on + 1, p.resumed_on) as first_day
            from device d join device_state s using (device_id)
            join installation i on i.device_id = d.device_id and i.removed_on is null
            left join (select device_id, max(ends_on) as resumed_on from service_pause
                where ends_on > starts_on and ends_on <= %(today)s group by 1) p on p.device_id = d.device_id
            where d.status = 'installed'
        ), summed as (
            select e.device_id, %(today)s::date - e.first_day as days, e.first_day, e.beat_s,
                coalesce(sum(t.beats) filter (where t.day < %(today)s), 0) as beats,
                min(t.day) filter (where t.day < %(today)s and t.beats * e.beat_s < 864 * %(steady)s) as first_poor,
                coalesce(sum((t.report->>'on')::integer) filter (where t.day < %(today)s), 0) as powered_min,
                coalesce(sum((t.report->>'reg')::integer) filter (where t.day < %(today)s), 0) as registered_min,
                coalesce(max(t.presses) filter (where t.day >= %(today)s - 1), 0) as presses,
                min(t.day) filter (where t.day >= %(today)s - 1 and t.presses > %(many)s) as presses_on
            from expected e
            left join device_day t on t.device_id = e.device_id and t.day between e.first_day and %(today)s
                and t.day >= %(week)s
            where e.first_day <= %(today)s
            group by e.device_id, e.first_day, e.beat_s
        )
        select device_id, days, first_day, beats::bigint, first_poor, powered_min::bigint, registered_min::bigint,
            presses, presses_on
        from summed where 100 * beats * beat_s < days * 86400 * %(steady_close)s
            or registered_min * 100 < powered_min * %(covered)s or presses_on is not null
        """,
        {
            "today": today, "week": today - timedelta(days=7), "steady": limits["unsteady_open"],
            "steady_close": limits["unsteady_close"], "covered": limits["coverage_close"],
            "many": limits["presses_many_close"],
        },
    )  # fmt: skip
    names = ("days", "first_day", "beats", "first_poor", "powered_min", "registered_min", "presses", "presses_on")
    return {row[0]: Days(**dict(zip(names, row[1:], strict=True))) for row in await cursor.fetchall()}


async def signals(conn: Conn, now: datetime, limits: Limits) -> dict[str, Signal]:
    """Of the last seven whole days, where their mean is weak."""
    today = shanghai_day(now)
    cursor = await conn.execute(
        "select device_id, sum(csq_count)::bigint, sum(csq_sum)::bigint,"
        "  min(day) filter (where csq_sum < csq_count * %(weak)s)"
        " from heartbeat_daily where day >= %(week)s and day < %(today)s and csq_count > 0 group by device_id"
        " having sum(csq_sum) < sum(csq_count) * %(weak)s",
        {"weak": limits["weak_signal_close"], "today": today, "week": today - timedelta(days=7)},
    )
    return {row[0]: Signal(count=row[1], total=row[2], first_weak=row[3]) for row in await cursor.fetchall()}


async def boots(conn: Conn, now: datetime) -> dict[str, Boots]:
    """Starts of the last seven days that nobody ordered."""
    cursor = await conn.execute(
        """
        with boot as (
            select device_id, coalesce(happened_at, received_at) as at, body->>'cause' as cause
            from message where kind = 'boot' and received_at > %(week)s
        )
        select device_id, count(*) filter (where at > %(hour)s), count(*) filter (where at > %(day)s),
            min(at) filter (where at > %(day)s),
            count(*) filter (where cause in ('crash', 'watchdog')),
            min(at) filter (where cause in ('crash', 'watchdog')),
            count(*) filter (where cause = 'brownout'), min(at) filter (where cause = 'brownout')
        from boot where at > %(week)s and cause not in ('command', 'update') group by device_id
        """,
        {"hour": now - timedelta(hours=1), "day": now - timedelta(days=1), "week": now - timedelta(days=7)},
    )
    return {
        row[0]: Boots(
            hour=row[1], day=row[2], day_first_at=row[3], broken=row[4], broken_first_at=row[5], brownouts=row[6],
            brownout_first_at=row[7],
        )
        for row in await cursor.fetchall()
    }  # fmt: skip


async def config_tries(conn: Conn, now: datetime) -> dict[str, ConfigTries]:
    """How often the wanted configuration went out in the last day, where the terminal still runs another."""
    cursor = await conn.execute(
        "select d.device_id, count(*), min(o.sent_at) from down o join device d using (device_id)"
        " join device_state s using (device_id)"
        " where o.kind = 'config' and o.sent_at > %(day)s and o.of_id = d.config_version::text"
        "  and s.config_version <> d.config_version group by 1",
        {"day": now - timedelta(days=1)},
    )
    return {row[0]: ConfigTries(row[1], row[2]) for row in await cursor.fetchall()}


async def fold_key_use(conn: Conn, now: datetime) -> None:
    """Take new facts of cases into `key_use`; the latest time wins, whatever the order.

    Proven: two people talked long enough, and for the red key a person at the desk accepted the case as well, because a
    family's voicemail talks too.
    """
    await conn.execute(
        """
        with until as (select max(at) - %(slack)s as at from key_use_until),
        touched as (
            select distinct case_id from case_fact, until where until.at is null or case_fact.at >= until.at
        ), press as (
            select f.case_id, f.device_id, f.message_id, f.body->>'key' as key, coalesce(f.happened_at, f.at) as at
            from touched join case_fact f using (case_id) where f.kind = 'press' and f.body->>'key' <> 'cancel'
        ), proof as (
            select p.device_id, p.key, max(coalesce(f.happened_at, f.at)) as at
            from press p join case_file c using (case_id)
            join case_fact f on f.case_id = p.case_id and f.ref = p.message_id and f.kind = 'step'
                and f.body->>'step' = 'end' and (f.body->>'dur')::integer >= %(talked)s
            where p.key <> 'sos' or c.accepted_at is not null group by 1, 2
        )
        insert into key_use as known (device_id, key, pressed_at, proved_at)
        select p.device_id, p.key, max(p.at), max(proof.at)
        from press p left join proof on proof.device_id = p.device_id and proof.key = p.key group by 1, 2
        on conflict (device_id, key) do update set pressed_at = greatest(known.pressed_at, excluded.pressed_at),
            proved_at = greatest(known.proved_at, excluded.proved_at)
        """,
        {"slack": _COMMITTED, "talked": TALKED_S},
    )
    await conn.execute("delete from key_use_until")
    await conn.execute("insert into key_use_until values (%s)", [now])


async def open_findings(conn: Conn, device_id: str | None = None) -> list[tuple[datetime, Finding]]:
    """What is open, of all terminals or of one, the oldest cause first; with when it was opened."""
    cursor = await conn.execute(
        "select opened_at, device_id, rule, rule_version, since, evidence, owner from finding"
        " where closed_at is null and (%(device_id)s::text is null or device_id = %(device_id)s)"
        " order by since, device_id, rule",
        {"device_id": device_id},
    )
    names = ("device_id", "rule", "rule_version", "since", "evidence", "owner")
    return [(row[0], Finding(**dict(zip(names, row[1:], strict=True)))) for row in await cursor.fetchall()]


async def closed_between(conn: Conn, device_id: str, begun: datetime, until: datetime) -> list[str]:
    """Rules of a terminal that were open at the first moment and closed before the second."""
    cursor = await conn.execute(
        "select distinct rule from finding where device_id = %(device_id)s and opened_at <= %(begun)s"
        " and closed_at between %(begun)s and %(until)s order by rule",
        {"device_id": device_id, "begun": begun, "until": until},
    )
    return [row[0] for row in await cursor.fetchall()]


async def open_(conn: Conn, found: Sequence[Finding], version: int, now: datetime) -> None:
    """New findings."""
    await conn.execute(
        "insert into finding (device_id, rule, rule_version, since, evidence, owner, thresholds_version, opened_at)"
        " select each.*, %(version)s, %(now)s from unnest(%(devices)s::text[], %(rules)s::text[],"
        "  %(rule_versions)s::integer[], %(since)s::timestamptz[], %(evidence)s::jsonb[], %(owners)s::text[]) as each",
        {**_columns(found), "version": version, "now": now},
    )


async def change(conn: Conn, found: Sequence[Finding], version: int) -> None:
    """The same findings on other evidence, or known to have begun at another time."""
    await conn.execute(
        "update finding set rule_version = each.rule_version, since = each.since,"
        "  evidence = each.evidence, owner = each.owner, thresholds_version = %(version)s"
        " from unnest(%(devices)s::text[], %(rules)s::text[], %(rule_versions)s::integer[],"
        "  %(since)s::timestamptz[], %(evidence)s::jsonb[], %(owners)s::text[])"
        "  as each (device_id, rule, rule_version, since, evidence, owner)"
        " where finding.device_id = each.device_id and finding.rule = each.rule and closed_at is null",
        {**_columns(found), "version": version},
    )


async def close(conn: Conn, found: Sequence[Finding], now: datetime) -> None:
    """Their cause is gone."""
    await conn.execute(
        "update finding set closed_at = greatest(%(now)s, opened_at)"
        " from unnest(%(devices)s::text[], %(rules)s::text[]) as each (device_id, rule)"
        " where finding.device_id = each.device_id and finding.rule = each.rule and closed_at is null",
        {"devices": [each.device_id for each in found], "rules": [each.rule for each in found], "now": now},
    )


def _columns(found: Sequence[Finding]) -> dict[str, object]:
    return {
        "devices": [each.device_id for each in found],
        "rules": [each.rule for each in found],
        "rule_versions": [each.rule_version for each in found],
        "since": [each.since for each in found],
        "evidence": [json.dumps(each.evidence, ensure_ascii=False) for each in found],
        "owners": [each.owner for each in found],
    }
