"""One message, one transaction: new, again, clashing, foreign, unknown, bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud.devices.actions import want_config
from cloud.ingest.models import INTERNAL, Arrival, Quarantine
from cloud.ingest.take import quarantine
from cloud.sealed import Box
from tests.cloud.ingest.conftest import BEAT, BOX, DEVICE, NEIGHBOUR, PRESS

if TYPE_CHECKING:
    from tests.cloud.ingest.conftest import Door


async def counters(door: Door) -> dict[str, int]:
    names = ("duplicates", "id_clashes", "quarantined", "late")
    rows = await door.rows(f"select {', '.join(names)} from device_state where device_id = '{DEVICE}'")
    return dict(zip(names, rows[0], strict=True)) if rows else {}


async def test_a_new_press_is_a_message_a_case_a_day_and_a_receipt(door: Door) -> None:
    """All of it in the one transaction that the front door commits."""
    assert await door.say("press", PRESS) == "stored"
    assert await door.rows("select device_id, id, kind from message") == [(DEVICE, "0badcafe.1.1", "press")]
    assert await door.one("select count(*) from case_file") == 1
    assert await door.rows("select presses, messages, beats, late from device_day") == [(1, 1, 0, 0)]
    assert await door.rows("select kind, of_id from down order by kind") == [
        ("receipt", "0badcafe.1.1"),
        ("route", "0badcafe.1.1"),
    ]


async def test_the_same_press_again_changes_nothing_but_is_receipted(door: Door) -> None:
    """A resend has another `s`; the terminal may have missed the receipt."""
    await door.say("press", {**PRESS, "t": None, "s": 60_000})
    assert await door.say("press", {**PRESS, "t": None, "s": 75_000}) == "duplicate"
    assert await door.one("select count(*) from message") == 1
    assert await door.one("select count(*) from case_fact where kind = 'press'") == 1
    assert await door.rows("select presses, messages from device_day") == [(1, 1)]
    assert await door.one("select count(*) from down where kind = 'receipt'") == 2
    assert (await counters(door))["duplicates"] == 1


async def test_the_same_id_with_other_content_is_another_message(door: Door) -> None:
    """A terminal that lost its storage must not lose a press because the id was used before."""
    await door.say("press", PRESS)
    assert await door.say("press", {**PRESS, "key": "k1"}) == "id_clash"
    assert await door.one("select count(*) from message") == 2
    assert await door.one("select count(*) from down where kind = 'receipt'") == 2
    assert (await counters(door))["id_clashes"] == 1


async def test_a_heartbeat_is_counted_once_and_never_receipted(door: Door) -> None:
    """Redelivered by the broker it adds no evidence for the day."""
    assert await door.say("hb", BEAT) == "stored"
    assert await door.say("hb", BEAT) == "duplicate"
    assert await door.rows("select beats, messages from device_day") == [(1, 0)]
    assert await door.one("select count(*) from heartbeat") == 1
    assert await door.one("select count(*) from down") == 0


async def test_a_message_of_nobody_goes_to_quarantine_without_a_receipt(door: Door) -> None:
    """Who is not in the registry is not answered."""
    assert await door.say("press", PRESS, device="BJCY999999") == "quarantined"
    assert await door.rows("select device_id, message_id, reason from quarantine") == [
        ("BJCY999999", "0badcafe.1.1", "unknown_device")
    ]
    assert await door.one("select count(*) from down") == 0


async def test_a_reference_to_another_terminals_press_is_foreign(door: Door) -> None:
    """Nobody can touch somebody else's alarm."""
    await door.say("press", {**PRESS, "id": "0badcafe.1.5"}, device=NEIGHBOUR)
    step = {"ref": "0badcafe.1.5", "step": "dial", "to": "坐席"}
    assert await door.say("call", {**step, "id": "0badcafe.1.6"}) == "quarantined"
    assert await door.rows("select reason, field from quarantine") == [("foreign", "ref")]
    assert await door.one("select count(*) from case_file") == 1


async def test_ids_are_a_terminals_own_so_an_equal_id_elsewhere_is_not_foreign(door: Door) -> None:
    """Two terminals may draw the same epoch."""
    await door.say("press", {**PRESS, "id": "0badcafe.1.5"}, device=NEIGHBOUR)
    await door.say("press", {**PRESS, "id": "0badcafe.1.5"})
    step = {"ref": "0badcafe.1.5", "step": "dial", "to": "坐席"}
    assert await door.say("call", {**step, "id": "0badcafe.1.6"}) == "stored"


async def test_a_reference_to_a_press_that_is_still_on_its_way_is_taken(door: Door) -> None:
    """Order of arrival does not matter."""
    step = {"ref": "0badcafe.1.5", "step": "dial", "to": "坐席"}
    assert await door.say("call", {**step, "id": "0badcafe.1.6"}) == "stored"


async def test_a_case_of_another_terminal_is_foreign(door: Door) -> None:
    """The cloud's own names are no way in either."""
    await door.say("press", PRESS, device=NEIGHBOUR)
    case = str(await door.one("select case_id from case_file"))
    step = {"id": "0badcafe.1.6", "case": case, "step": "dial", "to": "坐席"}
    assert await door.say("call", step) == "quarantined"
    assert await door.say("call", {**step, "case": "no case of ours"}) == "stored"


@pytest.mark.parametrize("day", ["2026-04-01", "2024-12-31"])
async def test_the_report_of_an_impossible_day_is_refused(door: Door, day: str) -> None:
    """A day that is still to come, or before there were terminals, is no evidence."""
    report = {"day": day, "on": 1440, "reg": 1440, "beats": 144, "presses": 0, "answered": 0, "stuck": 0, "faults": 0}
    assert await door.say("day", report) == "quarantined"
    assert await door.one("select count(*) from device_day") == 0


async def test_the_report_of_a_day_is_kept_with_that_day(door: Door) -> None:
    """Counted as a message of today, read as evidence of yesterday."""
    report = {
        "day": "2026-03-30",
        "on": 1440,
        "reg": 1,
        "beats": 9,
        "presses": 0,
        "answered": 0,
        "stuck": 0,
        "faults": 0,
    }
    assert await door.say("day", report) == "stored"
    rows = await door.rows("select day::text, messages, (report->>'beats')::int from device_day order by day")
    assert rows == [("2026-03-30", 0, 9), ("2026-03-31", 1, None)]


async def test_a_day_told_twice_is_merged_by_its_largest_counts(door: Door) -> None:
    """A terminal that restarted tells the same day under another id; the larger record is the later one."""
    first = {"day": "2026-03-30", "on": 900, "reg": 880, "beats": 90, "presses": 2, "answered": 1, "stuck": 0}
    again = {**first, "on": 1440, "beats": 40, "presses": 3}
    assert await door.say("day", {**first, "faults": 1}) == "stored"
    assert await door.say("day", {**again, "id": "0badcafe.2.1", "faults": 0}) == "stored"
    report = await door.one("select report from device_day where day = '2026-03-30'")
    assert {"day": "2026-03-30", **report} == {**first, "on": 1440, "presses": 3, "faults": 1}


async def test_a_bad_message_with_a_readable_id_is_receipted(door: Door) -> None:
    """Else the terminal would send it for ever; it is kept whole, and unreadable without the key."""
    payload = b'{"v":1,"id":"0badcafe.1.9","t":"now"}'
    assert await door.take(f"okc/v1/up/press/{DEVICE}", payload) == "quarantined"
    assert await door.rows("select reason, field, payload_bytes from quarantine") == [("type", "t", len(payload))]
    assert BOX.open_bytes(await door.one("select payload_sealed from quarantine")) == payload
    assert await door.rows("select kind, of_id from down") == [("receipt", "0badcafe.1.9")]


async def test_the_same_bad_bytes_again_only_count_up(door: Door) -> None:
    """A broken terminal cannot fill the disk with one message."""
    for _ in range(3):
        await door.take(f"okc/v1/up/press/{DEVICE}", b"rubbish")
    assert await door.rows("select times from quarantine") == [(3,)]


async def test_what_our_own_code_broke_on_is_not_receipted(door: Door) -> None:
    """The terminal keeps it until we are mended."""
    arrival = Arrival(topic=f"okc/v1/up/press/{DEVICE}", payload=b"{}", retained=False, received_at=door.now)
    found = Quarantine(reason=INTERNAL, device_id=DEVICE, message_id="0badcafe.1.9")
    await quarantine(door.conn, BOX, arrival, found)
    assert await door.one("select count(*) from quarantine where reason = 'internal'") == 1
    assert await door.one("select count(*) from down") == 0


async def test_a_retained_state_that_comes_again_changes_nothing(door: Door) -> None:
    """The broker hands it over at each subscribe, for years."""
    await door.say("hb", BEAT)
    state = {"st": "offline", "id": "0badcafe.1.2"}
    assert await door.say("state", state) == "link"
    before = await door.rows("select * from device_state")
    door.later(days=2)
    assert await door.say("state", state, retained=True) == "link"
    assert await door.rows("select * from device_state") == before
    assert await door.one("select link from device_state") == "offline"


async def test_a_retained_bad_message_is_counted_once(door: Door) -> None:
    """Nor does a bad one count again with each of our starts."""
    await door.say("hb", BEAT)
    for _ in range(2):
        await door.take(f"okc/v1/up/state/{DEVICE}", b"rubbish", retained=True)
    assert (await counters(door))["quarantined"] == 1


async def test_a_late_press_is_counted_late_on_the_day_it_happened(door: Door) -> None:
    """Pressed before midnight, heard of after it."""
    pressed_at = int(door.now.timestamp())
    door.later(hours=14)
    assert await door.say("press", {**PRESS, "t": pressed_at, "s": None}) == "stored"
    assert await door.rows("select day::text, presses, late, undated from device_day") == [("2026-03-31", 1, 1, 0)]
    assert (await counters(door))["late"] == 1
    assert await door.one("select count(*) from down where kind = 'route'") == 0


async def test_a_configuration_is_sent_when_another_is_reported_but_not_with_every_beat(door: Door) -> None:
    """At 1.4 kB each it would cost more than everything else together."""
    plan = {"sos": [["坐席", "01055500001", 30, 1]]}
    await want_config(door.conn, BOX, DEVICE, {"ver": 3, "hb": 600, "plan": plan}, door.now)
    await door.say("hb", {**BEAT, "id": "0badcafe.1.1"})
    door.later(minutes=10)
    await door.say("hb", {**BEAT, "id": "0badcafe.1.2"})
    assert await door.rows("select kind, of_id from down") == [("config", "3")]
    door.later(hours=1)
    await door.say("hb", {**BEAT, "id": "0badcafe.1.3"})
    assert await door.one("select count(*) from down") == 2
    await door.say("hb", {**BEAT, "id": "0badcafe.1.4", "cfg": 3})
    door.later(hours=1)
    await door.say("hb", {**BEAT, "id": "0badcafe.1.5", "cfg": 3})
    assert await door.one("select count(*) from down") == 2


async def test_a_configuration_expires_after_an_hour_and_says_how_often_its_terminal_beats(door: Door) -> None:
    """The wire's bound for an absent terminal's queue; and silence is judged by the configuration that it runs."""
    plan = {"sos": [["坐席", "01055500001", 30, 1]]}
    await want_config(door.conn, BOX, DEVICE, {"ver": 3, "hb": 3600, "plan": plan}, door.now)
    await door.say("hb", {**BEAT, "id": "0badcafe.1.1"})
    assert await door.one("select expires_at - created_at = interval '1 hour' from down where kind = 'config'")
    assert await door.rows("select config_version, heartbeat_s from device_state") == [(0, None)]
    await door.say("hb", {**BEAT, "id": "0badcafe.1.2", "cfg": 3})
    assert await door.rows("select config_version, heartbeat_s from device_state") == [(3, 3600)]


async def test_a_configuration_that_cannot_be_read_costs_no_heartbeat(door: Door) -> None:
    """Sealed with a key that is gone: the terminal keeps what it has, and we keep hearing it."""
    plan = {"sos": [["坐席", "01055500001", 30, 1]]}
    await want_config(door.conn, Box(b"q" * 32), DEVICE, {"ver": 3, "hb": 600, "plan": plan}, door.now)
    assert await door.say("hb", BEAT) == "stored"
    assert await door.one("select count(*) from down") == 0
