"""`onekey health report` on a small invented fleet: table, JSON, CSV."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cloud import clock
from tests.cloud.billing.town import home
from tests.golden.compare import assert_golden
from tools.health import FAILED_EXIT, app

NOW = datetime(2025, 8, 1, 4, 0, tzinfo=UTC)


async def _terminal(conn: psycopg.AsyncConnection[Any], number: int, *, minutes: int | None, **state: Any) -> None:
    device_id = f"OKC0000{number}"
    status = state.pop("status", "installed")
    alone = state.pop("alone", False)
    await conn.execute(
        "insert into device (device_id, status, credential, created_at) values (%s, %s, 'x', %s)",
        [device_id, status, NOW - timedelta(days=30)],
    )
    if status == "installed":
        place = await home(conn)
        await conn.execute("update home set lives_alone = %s where home_id = %s", [alone, place])
        await conn.execute(
            "insert into installation values (gen_random_uuid(), %s, %s, '2025-07-24', null)", [device_id, place]
        )
    if minutes is None:
        return
    seen = NOW - timedelta(minutes=minutes)
    columns = {"csq": 21, "registration": 1, "battery_pct": 88, "on_mains": True, "link": "online", **state}
    await conn.execute(
        "insert into device_state (device_id, first_seen_at, last_seen_at, csq, registration, battery_pct, on_mains,"
        " link, open_faults) values (%(device)s, %(seen)s, %(seen)s, %(csq)s, %(registration)s, %(battery_pct)s,"
        " %(on_mains)s, %(link)s, %(faults)s)",
        {"faults": [], **columns, "device": device_id, "seen": seen},
    )


@pytest.fixture
async def fleet(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven terminals, one of each kind of trouble, and an ingest that works."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await _terminal(conn, 1, minutes=3)
        await _terminal(conn, 2, minutes=45, on_mains=False, faults=["mains_lost"], link="offline")
        await _terminal(conn, 3, minutes=60 * 30, alone=True, battery_pct=6)
        await _terminal(conn, 4, minutes=None)
        await _terminal(conn, 5, minutes=None, status="stock")
        await _terminal(conn, 6, minutes=60 * 24 * 5, csq=99)
        await _terminal(conn, 7, minutes=2, faults=["key_stuck"])
        await conn.execute("insert into service_health values ('ingest', %s)", [NOW])
        for number, (kind, reason, times) in enumerate((("press", "internal", 2), ("hb", "json", 40))):
            await conn.execute(
                "insert into quarantine (received_at, last_at, topic, device_id, reason, payload_sealed, payload_bytes,"
                " payload_hash, times) values (%(at)s, %(at)s, %(topic)s, 'OKC00001', %(reason)s, '', 0, %(hash)s,"
                " %(times)s)",
                {
                    "at": NOW - timedelta(days=3),
                    "topic": f"okc/v1/up/{kind}/OKC00001",
                    "reason": reason,
                    "hash": bytes([number]),
                    "times": times,
                },
            )
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setattr(clock, "now", lambda: NOW)


async def _report(*words: str) -> Any:
    # The command runs an event loop of its own, so it runs in a thread beside this one.
    return await asyncio.to_thread(CliRunner().invoke, app, ["report", *words])


async def test_the_table_reads_as_it_was_approved(fleet: None) -> None:
    """Compared with the saved output: the person alone and silent for a day stands first."""
    assert_golden("health_report.txt", (await _report()).stdout)


async def test_the_json_counts_every_terminal_and_explains_each_silent_one(fleet: None) -> None:
    """One object; states of devices.rules.CONTACTS, causes of stats.rules.CAUSES."""
    told = json.loads((await _report("--json")).stdout)
    assert (told["terminals"], told["ingest"]["ok"]) == (7, True)
    assert {name: count for name, count in told["counts"].items() if count} == {
        "never_seen": 2,
        "online": 2,
        "silent_30m": 1,
        "silent_24h": 1,
        "silent_72h": 1,
    }
    assert [(row["device_id"][-1], row["state"], row["cause"]) for row in told["rows"]] == [
        ("3", "silent_24h", "battery"),
        ("6", "silent_72h", "unknown"),
        ("2", "silent_30m", "mains_lost"),
        ("7", "online", "key_stuck"),
        ("4", "never_seen", "not_activated"),
    ]
    assert told["rows"][0]["silent_s"] == 30 * 3600
    assert told["quarantine"] == {"by_reason": {"json": 40, "internal": 2}, "presses_unseen": 1}


async def test_the_csv_opens_in_a_spreadsheet(fleet: None) -> None:
    """Compared with the saved bytes: BOM, CRLF, Chinese headings."""
    assert_golden("health_report.csv", (await _report("--csv")).stdout_bytes)


def test_a_database_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the connection string is repeated."""
    monkeypatch.setenv("OKC_DATABASE_URL", "host=/nowhere user=x password=hidden")
    done = CliRunner().invoke(app, ["report", "--json"])
    assert (done.exit_code, done.stdout, done.stderr) == (FAILED_EXIT, "", "the database does not answer\n")
