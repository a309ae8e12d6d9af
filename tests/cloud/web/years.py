"""A year of one terminal, as rows: steady days, a week without mains, silence, pauses, our own outage, findings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.days import shanghai_day

if TYPE_CHECKING:
    from cloud.db import Conn

DEVICE = "OKC000001"

_DAYS = """
insert into heartbeat_day (device_id, day, beats, off_mains, in_call, battery_mv_low, battery_pct_low, csq_count,
    csq_sum, csq_low, temperature_low, temperature_high, heap_low, outbox_high, drops_high, rtt_count, rtt_sum)
select %(device)s, %(today)s::date - n, case when n %% 30 = 7 then 90 else 144 end,
    case when n between 100 and 104 then 144 else 0 end, 0, 3900,
    case when n between 100 and 104 then 100 - 18 * (104 - n) - 10 else 96 - n %% 5 end, 144,
    144 * (14 + n %% 9), 9 + n %% 9, 20, 26, 90000, 0, 0, 0, null
from generate_series(1, %(days)s) n where n not between 200 and 203 and n not between 60 and 73
"""
_RECORDS = """
insert into device_day (device_id, day, beats, presses, calls, messages, report)
select %(device)s, %(today)s::date - n, 144, (n %% 31 = 3)::integer, (n %% 31 = 3)::integer, 4,
    jsonb_build_object('on', 1440, 'reg', 1440 - 60 * (n %% 4), 'beats', 144)
from generate_series(1, %(days)s) n where n not between 200 and 203 and n not between 60 and 73
on conflict (device_id, day) do nothing
"""
_HOURS = """
insert into heartbeat_hour (device_id, hour, beats, off_mains, in_call, battery_mv_low, battery_pct_low, csq_count,
    csq_sum, csq_low, temperature_low, temperature_high, heap_low, outbox_high, drops_high, rtt_count, rtt_sum)
select %(device)s, %(hour)s - n * interval '1 hour', case when n %% 24 = 5 then 3 else 6 end,
    case when n %% 24 between 8 and 10 then 6 else 0 end, 0, 3900, 90 - n %% 24, 6,
    6 * (12 + n %% 7), 8, 20, 24, 90000, 0, 0, 0, null
from generate_series(1, %(hours)s) n where n %% 50 <> 20
"""
_BEATS = """
insert into heartbeat (device_id, id, received_at, happened_at, dating, day, battery_mv, battery_pct, on_mains, csq,
    registration, network, temperature_c, heap_bytes, outbox, drops, in_call, config_version, content_hash)
select %(device)s, '0a0b0c0d.7.' || n, %(hour)s - n * interval '10 minutes', null, 'receipt', %(today)s, 4010, 92,
    n %% 9 <> 3, case when n = 4 then 99 else 17 + n %% 3 end, case when n = 5 then 2 else 1 end,
    'gsm', 23, 90000, 0, 0, false, 1, '\\x00'
from generate_series(1, %(beats)s) n
"""


async def past(conn: Conn, now: datetime, *, days: int = 364, hours: int = 300, beats: int = 60) -> None:
    """Sums and heartbeats that end just before this hour."""
    values: dict[str, Any] = {
        "device": DEVICE, "today": shanghai_day(now), "days": days, "hours": hours, "beats": beats,
        "hour": now.replace(minute=0, second=0, microsecond=0),
    }  # fmt: skip
    await conn.execute(
        "update installation set installed_on = %(today)s::date - 320 where device_id = %(device)s", values
    )
    for query in (_DAYS, _RECORDS, _HOURS, _BEATS):
        await conn.execute(query, values)
    await conn.execute(
        "insert into service_pause values (%(device)s, %(today)s::date - 73, %(today)s::date - 59, 'travel', now())",
        values,
    )


async def finding(conn: Conn, rule: str, since: datetime, closed_at: datetime | None, evidence: str = "{}") -> None:
    """A row of `finding`."""
    await conn.execute(
        "insert into finding (device_id, rule, rule_version, thresholds_version, since, opened_at, closed_at, evidence,"
        "  owner)"
        " values (%s, %s, 1, 0, %s, %s, %s, %s, 'after_sales')",
        [DEVICE, rule, since, since + timedelta(minutes=1), closed_at, evidence],
    )


async def message(conn: Conn, number: int, kind: str, at: datetime, body: str) -> None:
    """A row of `message`, as ingest writes it."""
    await conn.execute(
        "insert into message (device_id, id, content_hash, kind, body, happened_at, dating, day, received_at)"
        " values (%s, %s, '\\x01', %s, %s, %s, 'clock', %s, %s)",
        [DEVICE, f"0badcafe.9.{number}", kind, body, at, shanghai_day(at), at],
    )


async def gap(conn: Conn, from_at: datetime, until_at: datetime) -> None:
    """We could not hear."""
    await conn.execute("insert into ingest_gap (from_at, until_at) values (%s, %s)", [from_at, until_at])


async def lived(conn: Conn, now: datetime) -> None:
    """All of it: what a page has most to show of."""
    await past(conn, now)

    def ago(**length: int) -> datetime:
        return now - timedelta(**length)

    await finding(conn, "mains_lost", ago(days=104), ago(days=99))
    await finding(conn, "mains_lost", ago(days=300), ago(days=299, hours=20))
    await finding(conn, "silent", ago(days=203), ago(days=199), '{"level": "72小时以上", "guess": "停电后电池耗尽"}')
    await finding(conn, "sos_unproven", ago(days=20), None, '{"proved": "55 天前"}')
    await finding(conn, "mains_lost", ago(hours=9), ago(hours=7))
    await gap(conn, ago(days=150), ago(days=149))
    await gap(conn, ago(hours=30), ago(hours=28, minutes=20))
    await gap(conn, ago(hours=3, minutes=20), ago(hours=3))
    causes = ("power", "watchdog", "command")
    for number in range(9):
        at = ago(days=number * 40, hours=5)
        await message(conn, number, "boot", at, f'{{"cause": "{causes[number % 3]}", "fw": "1.4.0"}}')
    steps = ('"dial"', '"talk"', '"end", "dur": 40, "cause": "remote_hangup"')
    await message(conn, 50, "press", ago(hours=5, minutes=1), '{"key": "sos", "how": "test"}')
    for number, step in enumerate(steps):
        body = f'{{"rung": 0, "ref": "0badcafe.9.50", "step": {step}}}'
        await message(conn, 60 + number, "call", ago(hours=5, seconds=-number * 20), body)
    await message(conn, 70, "event", ago(hours=9), '{"ev": "mains_lost"}')
    await message(conn, 71, "event", ago(hours=7), '{"ev": "mains_back"}')
