"""Days in the database: closed from evidence, closed again, frozen, exported and priced."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from cloud.billing import actions, store
from cloud.billing.contract_file import parse_contract
from cloud.billing.export import MANIFEST, export
from cloud.billing.ledger import read_ledger
from cloud.billing.models import Contract, Pause
from cloud.billing.pricing import price
from cloud.devices import store as devices
from cloud.errors import BadInput, Conflict, NotFound
from tests.cloud.billing.town import CONTRACT, DAY, NOW, device, heard, home, install, installed

Conn = AsyncConnection[Any]


async def _statuses(conn: Conn, day: date = DAY) -> dict[str, tuple[str, str]]:
    rows = await conn.execute("select device_id, status, reason from usage_day where day = %s", [day])
    return {device_id: (status, reason) for device_id, status, reason in await rows.fetchall()}


async def _dump(conn: Conn) -> list[Any]:
    return await (await conn.execute("select * from usage_day order by device_id, day")).fetchall()


async def test_a_day_is_decided_from_what_ingest_and_the_installers_wrote(conn: Conn) -> None:
    """Heard, reported late, silent, paused, not in a home."""
    for device_id in ("OKC00001", "OKC00002", "OKC00003", "OKC00004"):
        await installed(conn, device_id)
    await device(conn, "OKC00005")
    await heard(conn, "OKC00001", DAY, beats=140)
    await heard(conn, "OKC00002", DAY, report={"on": 1440, "reg": 1400})
    await heard(conn, "OKC00004", DAY, beats=3)
    await heard(conn, "OKC00005", DAY, beats=3)
    await actions.pause(conn, Pause("OKC00004", DAY, DAY + timedelta(days=1), "travel"), NOW)
    closed = await actions.close_day(conn, DAY, NOW)
    assert await _statuses(conn) == {
        "OKC00001": ("normal", "heard"),
        "OKC00002": ("normal", "told_late"),
        "OKC00003": ("disputed", "silent"),
        "OKC00004": ("paused", "paused"),
        "OKC00005": ("not_installed", "no_home"),
    }
    assert (closed.written, closed.provisional, closed.statuses["normal"]) == (5, False, 2)


async def test_the_first_day_counts_and_the_day_of_removal_does_not(conn: Conn) -> None:
    """So a swap is one day per home, whoever was heard."""
    place = await home(conn)
    await device(conn, "OKC00001")
    await device(conn, "OKC00002")
    await install(conn, "OKC00001", place, CONTRACT.starts_on, DAY)
    await install(conn, "OKC00002", place, DAY)
    await heard(conn, "OKC00001", DAY, beats=70)
    await heard(conn, "OKC00002", DAY, beats=70)
    await actions.close_day(conn, DAY, NOW)
    assert {name: status for name, (status, _) in (await _statuses(conn)).items()} == {
        "OKC00001": "not_installed",
        "OKC00002": "normal",
    }


async def test_closing_again_changes_nothing_and_new_evidence_changes_one_row(conn: Conn) -> None:
    """The same bytes, the moment of the decision included; what differs is written and counted."""
    await installed(conn, "OKC00001")
    await installed(conn, "OKC00002")
    await actions.close_day(conn, DAY, NOW)
    before = await _dump(conn)
    again = await actions.close_day(conn, DAY, NOW + timedelta(hours=5))
    assert (again.written, await _dump(conn)) == (0, before)
    await heard(conn, "OKC00002", DAY, report={"on": 700, "reg": 700})
    third = await actions.close_day(conn, DAY, NOW + timedelta(days=2))
    assert third.written == 1
    assert (await _statuses(conn))["OKC00002"] == ("normal", "told_late")


async def test_a_frozen_day_is_left_alone_and_the_difference_is_told(conn: Conn) -> None:
    """Late evidence after the freeze is for an adjustment."""
    await installed(conn, "OKC00001")
    await actions.close_day(conn, DAY, NOW)
    await conn.execute("update usage_day set frozen_at = %s", [NOW])
    await heard(conn, "OKC00001", DAY, beats=1)
    closed = await actions.close_day(conn, DAY, NOW + timedelta(days=9))
    assert (closed.written, closed.frozen_differ) == (0, 1)
    assert (await _statuses(conn))["OKC00001"] == ("disputed", "silent")


async def test_an_installation_corrected_afterwards_corrects_the_day(conn: Conn) -> None:
    """A verdict without a home behind it does not stay normal."""
    await installed(conn, "OKC00001")
    await heard(conn, "OKC00001", DAY, beats=1)
    await actions.close_day(conn, DAY, NOW)
    await conn.execute("update installation set installed_on = %s", [DAY + timedelta(days=1)])
    await actions.close_day(conn, DAY, NOW)
    assert (await _statuses(conn))["OKC00001"] == ("not_installed", "no_home")


async def test_our_own_outage_is_noted_on_a_silent_day(conn: Conn) -> None:
    """Overlapping gaps are counted once, and only within the Shanghai day."""
    await installed(conn, "OKC00001")
    midnight = datetime(2025, 7, 24, 16, 0, tzinfo=UTC)
    for start_h, end_h in ((-2, 1), (0.5, 2), (23, 30)):
        await conn.execute(
            "insert into ingest_gap (from_at, until_at) values (%s, %s)",
            [midnight + timedelta(hours=start_h), midnight + timedelta(hours=end_h)],
        )
    await actions.close_day(conn, DAY, NOW)
    row = await (await conn.execute("select reason, (evidence->>'outage_s')::int from usage_day")).fetchone()
    assert row == ("silent_outage", 3 * 3600)


async def test_a_day_that_is_not_over_is_closed_only_provisionally(conn: Conn) -> None:
    """The running day provisionally, decided again when it is over; a later day not at all."""
    await installed(conn, "OKC00001")
    today = DAY + timedelta(days=1)
    with pytest.raises(BadInput):
        await actions.close_day(conn, today, NOW)
    with pytest.raises(BadInput):
        await actions.close_day(conn, today + timedelta(days=1), NOW, provisional=True)
    assert (await actions.close_day(conn, today, NOW, provisional=True)).provisional
    done = await actions.close_day(conn, today, NOW + timedelta(days=1))
    assert (done.provisional, done.written) == (False, 1)
    row = await (await conn.execute("select bool_or(provisional) from usage_day")).fetchone()
    assert row == (False,)


async def test_two_contracts_never_cover_one_day(conn: Conn) -> None:
    """The same again is nothing new; another content, or a shared day, is a conflict."""
    assert await actions.add_contract(conn, CONTRACT, NOW)
    assert not await actions.add_contract(conn, CONTRACT, NOW)
    for other in (
        Contract(CONTRACT.number, CONTRACT.starts_on, CONTRACT.ends_on, 4000, 1, 1),
        Contract("T-2", CONTRACT.ends_on, CONTRACT.ends_on + timedelta(days=9), 3990, 1, 1),
    ):
        with pytest.raises(Conflict):
            await actions.add_contract(conn, other, NOW)
    after = Contract("T-2", CONTRACT.ends_on + timedelta(days=1), CONTRACT.ends_on + timedelta(days=9), 3990, 1, 1)
    assert await actions.add_contract(conn, after, NOW)
    assert await store.contracts(conn) == [CONTRACT, after]


async def test_what_does_not_exist_is_said_so(conn: Conn) -> None:
    """No such contract, no such terminal, no such reason, a pause that runs backwards."""
    with pytest.raises(NotFound):
        await actions.amount_through(conn, "T-0", DAY)
    with pytest.raises(NotFound):
        await actions.pause(conn, Pause("OKC00001", DAY, None, "travel"), NOW)
    await device(conn, "OKC00001")
    for bad in (Pause("OKC00001", DAY, None, "bored"), Pause("OKC00001", DAY, DAY - timedelta(days=1), "travel")):
        with pytest.raises(BadInput):
            await actions.pause(conn, bad, NOW)


async def test_the_export_is_priced_without_a_database_to_the_same_amount(conn: Conn, tmp_path: Path) -> None:
    """Ledger and contract read back; ids that look like numbers stay text; two exports are the same bytes."""
    await actions.add_contract(conn, CONTRACT, NOW)
    for device_id in ("OKC00001", "123456789", "1234E5", "MAR2025"):
        await installed(conn, device_id)
        await heard(conn, device_id, DAY, beats=2)
    await actions.close_day(conn, CONTRACT.starts_on, NOW)
    await actions.close_day(conn, DAY, NOW)
    contract, amount = await actions.amount_through(conn, CONTRACT.number, DAY)
    first = await export(conn, CONTRACT.number, DAY, _folder(tmp_path, "a"))
    await export(conn, CONTRACT.number, DAY, _folder(tmp_path, "b"))
    assert first.amount == amount
    assert (amount.device_days, contract) == (4, CONTRACT)
    terms = parse_contract((tmp_path / "a" / "contract.toml").read_bytes())
    assert price(terms, read_ledger([(tmp_path / "a" / "ledger.csv").read_bytes()], terms)) == amount
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["amounts.csv", "amounts.json", "contract.toml", "ledger.csv", "manifest.json"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    rows = (tmp_path / "a" / "ledger.csv").read_bytes()
    assert rows.startswith(b"\xef\xbb\xbfdevice_id,day,status,home\n")
    assert b"\n123456789\t,2025-07-24,disputed," in rows


async def test_the_manifest_names_every_file_and_every_open_day(conn: Conn, tmp_path: Path) -> None:
    """SHA-256 and size of the files; days without a verdict, days closed provisionally."""
    await actions.add_contract(conn, CONTRACT, NOW)
    await installed(conn, "OKC00001")
    today = DAY + timedelta(days=1)
    await actions.close_day(conn, today, NOW, provisional=True)
    await export(conn, CONTRACT.number, today, _folder(tmp_path, "a"))
    manifest = json.loads((tmp_path / "a" / MANIFEST).read_bytes())
    assert manifest["days_without_verdict"] == ["2025-07-24", "2025-07-25"]
    assert manifest["days_provisional"] == ["2025-07-26"]
    assert (manifest["rule_versions"], manifest["statuses"]["disputed"]) == ([1], 1)
    assert set(manifest["files"]) == {"amounts.csv", "amounts.json", "contract.toml", "ledger.csv"}
    for name, facts in manifest["files"].items():
        content = (tmp_path / "a" / name).read_bytes()
        assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


async def test_a_pause_is_in_the_registry_for_the_days_that_it_covers(conn: Conn) -> None:
    """At the command, not only at the next sweep; corrected with it; a retired terminal stays retired."""
    await installed(conn, "OKC00001")
    await installed(conn, "OKC00002")
    await conn.execute("update device set status = 'retired' where device_id = 'OKC00002'")

    async def statuses() -> list[str]:
        cursor = await conn.execute("select status from device order by device_id")
        return [status for (status,) in await cursor.fetchall()]

    for device_id in ("OKC00001", "OKC00002"):
        await actions.pause(conn, Pause(device_id, DAY, None, "hospital"), NOW)
    assert await statuses() == ["paused", "retired"]
    await actions.pause(conn, Pause("OKC00001", DAY, DAY + timedelta(days=1), "hospital"), NOW)
    assert await statuses() == ["installed", "retired"]


async def test_a_day_of_which_more_was_told_after_it_was_closed_is_named(conn: Conn) -> None:
    """Whoever settles sees that it must be closed again, and no longer once it was."""
    await installed(conn, "OKC00001")
    await installed(conn, "OKC00002")
    await actions.close_day(conn, DAY, NOW)
    assert await store.outdated_days(conn, DAY, DAY) == []
    later = NOW + timedelta(hours=5)
    await conn.execute("insert into device_day (device_id, day) values ('OKC00002', %s)", [DAY])
    await devices.save_report(conn, "OKC00001", DAY, {"on": 1440, "reg": 1440}, later)
    assert await store.outdated_days(conn, DAY, DAY) == [DAY]
    await actions.close_day(conn, DAY, later + timedelta(seconds=1))
    assert await store.outdated_days(conn, DAY, DAY) == []
    assert await store.normal_days(conn, DAY, DAY) == {"OKC00001": 1, "OKC00002": 0}
