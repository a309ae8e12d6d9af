"""The registry, the latest state, the gaps of our own front door: against the real schema."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cloud.devices import actions, rules, store
from cloud.devices.models import DeviceState, Gap
from cloud.errors import BadInput, Conflict, NotFound
from cloud.sealed import Box

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
DEVICE = "BJCY000001"
ALLOWED = actions.INGEST_SILENCE_ALLOWED


async def test_a_registered_terminal_is_found_by_its_number_which_is_kept_sealed(conn: Conn) -> None:
    """Look-up by keyed hash; the number itself is in no column."""
    password = await actions.register(conn, BOX, DEVICE, "13800000001", NOW)
    device = await store.find_by_msisdn(conn, BOX.digest("13800000001"))
    assert device is not None
    assert (device.device_id, device.status) == (DEVICE, "stock")
    assert device.msisdn_sealed is not None
    assert BOX.open(device.msisdn_sealed) == "13800000001"
    assert device.credential is not None
    assert password not in device.credential
    assert device.credential.startswith("$7$")
    assert "13800000001" not in repr(device)


@pytest.mark.parametrize(("device_id", "msisdn"), [(DEVICE, None), ("BJCY000002", "13800000001")])
async def test_an_id_or_a_number_that_is_taken_is_a_conflict(conn: Conn, device_id: str, msisdn: str | None) -> None:
    """One terminal, one card."""
    await actions.register(conn, BOX, DEVICE, "13800000001", NOW)
    with pytest.raises(Conflict):
        await actions.register(conn, BOX, device_id, msisdn, NOW)


@pytest.mark.parametrize(("device_id", "msisdn"), [("short", None), ("bjcy000001", None), (DEVICE, "+86 138")])
async def test_what_cannot_be_is_refused_without_repeating_it(conn: Conn, device_id: str, msisdn: str | None) -> None:
    """A number typed wrong is personal all the same."""
    with pytest.raises(BadInput) as caught:
        await actions.register(conn, BOX, device_id, msisdn, NOW)
    assert msisdn is None or msisdn not in str(caught.value)


async def test_a_revoked_terminal_has_no_credential_any_more(conn: Conn) -> None:
    """For ever: revoking again is an error, and so is revoking nobody."""
    await actions.register(conn, BOX, DEVICE, None, NOW)
    await actions.revoke(conn, DEVICE, NOW)
    device = await store.get_device(conn, DEVICE)
    assert device is not None
    assert (device.credential, device.revoked_at) == (None, NOW)
    with pytest.raises(Conflict):
        await actions.revoke(conn, DEVICE, NOW)
    with pytest.raises(NotFound):
        await actions.revoke(conn, "BJCY999999", NOW)


async def test_a_state_is_read_as_it_was_written(conn: Conn) -> None:
    """Every column has its place on both ways."""
    await actions.register(conn, BOX, DEVICE, None, NOW)
    state = DeviceState(
        device_id=DEVICE, first_seen_at=NOW, last_seen_at=NOW, last_beat_at=NOW, boot_epoch="0badcafe", boot_count=3,
        booted_at=NOW, reset_cause="power", firmware="0.1.0", board="desk", imei="1" * 15, iccid="8" * 20,
        config_version=4, link="online", link_at=NOW, link_id="0badcafe.1.1", in_call_until=NOW, battery_mv=4100,
        battery_pct=90, on_mains=True, csq=20, registration=1, cell="10f3-2a1b", drops=5, clock_offset_ms=-2**40,
        open_faults=["sim_absent"], duplicates=6, id_clashes=7, late=8, quarantined=9, heartbeat_s=300,
    )  # fmt: skip
    await store.save_state(conn, state)
    assert await store.get_state(conn, DEVICE) == state
    again = replace(state, last_seen_at=NOW + timedelta(1), open_faults=[], on_mains=None, link="offline")
    await store.save_state(conn, again)
    assert await store.get_state(conn, DEVICE) == again


async def test_a_stretch_without_ingest_becomes_a_gap_and_a_short_pause_does_not(conn: Conn) -> None:
    """Written when it works again, from its last beat."""
    await actions.ingest_works(conn, "ingest", NOW, {"stored": 2})
    await actions.ingest_works(conn, "ingest", NOW + ALLOWED, {"stored": 3, "duplicate": 1})
    assert await store.gaps(conn, NOW, NOW + ALLOWED, ALLOWED) == []
    back = NOW + timedelta(hours=3)
    await actions.ingest_works(conn, "ingest", back, {})
    assert await store.gaps(conn, NOW, back, ALLOWED) == [Gap(from_at=NOW + ALLOWED, until_at=back)]
    counters = await (await conn.execute("select counters from service_health where process = 'ingest'")).fetchone()
    assert counters == ({"stored": 5, "duplicate": 1},)


async def test_a_gap_that_is_still_open_counts_too(conn: Conn) -> None:
    """Nobody is silent while we do not listen."""
    await actions.register(conn, BOX, DEVICE, None, NOW)
    await store.save_state(conn, DeviceState(device_id=DEVICE, first_seen_at=NOW, last_seen_at=NOW))
    await actions.ingest_works(conn, "ingest", NOW, {})
    later = NOW + timedelta(hours=30)
    (contact,) = await store.contacts(conn)
    assert rules.contact(contact, later) == "silent_24h"
    assert rules.contact(contact, later, await store.gaps(conn, NOW, later, ALLOWED)) == "online"


async def test_a_terminals_own_configuration_goes_before_everybodys(conn: Conn) -> None:
    """And a new version for everybody leaves the others alone."""
    for device_id in (DEVICE, "BJCY000002"):
        await actions.register(conn, BOX, device_id, None, NOW)
    plan = {"sos": [["坐席", "01055500001", 30, 1]]}
    await actions.want_config(conn, BOX, DEVICE, {"ver": 7, "hb": 300, "plan": plan}, NOW)
    await actions.want_config(conn, BOX, None, {"ver": 8, "hb": 600, "plan": plan}, NOW)
    assert await store.wanted_config(conn, DEVICE) == 7
    assert await store.wanted_config(conn, "BJCY000002") == 8
    assert await store.config_body(conn, DEVICE, 7) is not None
    assert await store.config_body(conn, "BJCY000002", 7) is None
