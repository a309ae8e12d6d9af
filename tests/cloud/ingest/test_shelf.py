"""What can be done with a message in quarantine: it is taken once, as what it was when it came, or it stays."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.billing import actions as billing
from cloud.billing import store as billing_store
from cloud.days import shanghai_day
from cloud.devices.actions import register
from cloud.errors import AppError, BadInput, Conflict, NotFound
from cloud.ingest import shelf
from protocol import messages
from tests.cloud.ingest.conftest import AT, BEAT, BOX, DEVICE, NEIGHBOUR, PRESS, SETTINGS
from tests.flow.parts import install

if TYPE_CHECKING:
    from tests.cloud.ingest.conftest import Door

NOBODY = "BJCY999999"  # registered only after it spoke
WHO = {"author": "after-sales 3"}


def payload(kind: str, fields: dict[str, Any], number: int = 1) -> bytes:
    common = {"id": f"0badcafe.1.{number}", "t": int(AT.timestamp()), "u": 60_000, "s": 60_000}
    return messages.encode("up", kind, common | fields)


async def only(door: Door) -> int:
    return int(await door.one("select max(quarantine_id) from quarantine"))


async def replay(door: Door, number: int) -> str:
    return await shelf.replay(door.conn, BOX, SETTINGS, number, now=door.now, **WHO)


async def test_a_terminal_that_was_registered_too_late_gets_its_days(door: Door) -> None:
    """Of the day on which its heartbeats came, not of the day on which somebody found them."""
    for number in range(1, 4):
        await door.say("hb", {**BEAT, "id": f"0badcafe.1.{number}"}, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    day = await door.one("select (received_at at time zone 'Asia/Shanghai')::date from quarantine limit 1")
    door.later(days=3)
    for each in await shelf.find(door.conn, kind="hb", reason="unknown_device", most=10):
        assert await replay(door, each.quarantine_id) == "stored"
    assert await door.rows("select day, beats from device_day") == [(day, 3)]
    assert await shelf.find(door.conn, most=10) == []
    assert {each.settled for each in await shelf.find(door.conn, settled=True, most=10)} == {"replayed"}


async def test_a_day_that_was_closed_without_it_is_to_be_closed_again(door: Door) -> None:
    """And what a day's own record tells, of that day."""
    yesterday = shanghai_day(AT) - timedelta(days=1)
    told = {"day": yesterday.isoformat(), "on": 1440, "reg": 1440, "beats": 96, "presses": 0}
    await door.say("hb", {**BEAT, "id": "0badcafe.1.1"}, device=NOBODY)
    await door.say("day", {"answered": 0, "stuck": 0, "faults": 0, **told, "id": "0badcafe.1.2"}, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    await install(door.conn, NOBODY, AT)
    door.later(days=3)
    for day in (yesterday, shanghai_day(AT)):
        await billing.close_day(door.conn, day, door.now)
    door.later(minutes=1)
    for each in await shelf.find(door.conn, most=10):
        assert await replay(door, each.quarantine_id) == "stored"
    assert await billing_store.outdated_days(door.conn, yesterday, shanghai_day(AT)) == [yesterday, shanghai_day(AT)]


async def test_an_old_press_becomes_a_late_case_and_nobody_is_rung_up(door: Door) -> None:
    """Its receipt is of now: one of then might be too old to leave."""
    await door.say("press", PRESS, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    door.later(hours=3)
    assert await replay(door, await only(door)) == "stored"
    assert await door.rows("select late from case_file") == [(True,)]
    assert await door.rows("select distinct kind from down where kind <> 'receipt'") == []
    assert await door.one("select max(created_at) from down where kind = 'receipt'") == door.now
    assert await door.one("select seen_by from quarantine") == WHO["author"]


async def test_a_press_of_a_moment_ago_is_a_call_for_help_like_any_other(door: Door) -> None:
    await door.say("press", PRESS, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    door.later(seconds=20)
    assert await replay(door, await only(door)) == "stored"
    assert await door.rows("select late from case_file") == [(False,)]


async def test_it_is_taken_once_whoever_asks(door: Door) -> None:
    """A second replay is refused; the terminal's own resend afterwards is a duplicate."""
    await door.say("press", PRESS, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    number = await only(door)
    assert await replay(door, number) == "stored"
    with pytest.raises(Conflict, match="replayed already"):
        await replay(door, number)
    assert await door.say("press", PRESS, device=NOBODY) == "duplicate"
    assert await door.one("select count(*) from message") == 1


async def test_what_the_terminal_sent_again_meanwhile_is_a_duplicate(door: Door) -> None:
    await door.say("press", PRESS, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    assert await door.say("press", PRESS, device=NOBODY) == "stored"
    assert await replay(door, await only(door)) == "duplicate"
    assert await door.one("select count(*) from case_file") == 1


async def test_killed_before_the_commit_nothing_was_done(door: Door) -> None:
    await door.say("press", PRESS, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    number = await only(door)
    async with door.conn.transaction(force_rollback=True):
        assert await replay(door, number) == "stored"
    assert await door.one("select count(*) from message") == 0
    assert await replay(door, number) == "stored"
    assert await door.one("select count(*) from message") == 1


async def test_what_is_still_wrong_stays_with_its_new_reason(door: Door) -> None:
    """And every try is written down."""
    await door.say("press", PRESS, device=NOBODY)
    number = await only(door)
    assert await replay(door, number) == "quarantined"
    _, _, acts = await shelf.show(door.conn, BOX, number)
    assert [(act.kind, act.outcome) for act in acts] == [("refused", "unknown_device")]
    assert [each.quarantine_id for each in await shelf.find(door.conn, most=10)] == [number]


async def test_a_correction_stands_beside_what_was_received(door: Door) -> None:
    said = b'{"v":1,"id":"0badcafe.1.1","t":17e8}'
    await door.take(f"okc/v1/up/hb/{DEVICE}", said)
    number = await only(door)
    before = await door.rows("select payload_sealed, payload_hash, topic, payload_bytes from quarantine")
    for wrong in (b"{", payload("press", PRESS), payload("hb", {**BEAT, "bat": 4100})[:-1]):
        with pytest.raises(BadInput):
            await shelf.correct(door.conn, BOX, number, wrong, note="by hand", now=door.now, **WHO)
    other = f"okc/v1/up/hb/{NEIGHBOUR}"
    with pytest.raises(BadInput, match="speaks for"):
        await shelf.correct(
            door.conn, BOX, number, payload("hb", BEAT), topic=other, note="by hand", now=door.now, **WHO
        )
    await shelf.correct(door.conn, BOX, number, payload("hb", BEAT), note="t was no number", now=door.now, **WHO)
    _, shown, acts = await shelf.show(door.conn, BOX, number)
    assert (shown, acts[0].note) == (payload("hb", BEAT), "t was no number")
    assert await replay(door, number) == "stored"
    assert await door.rows("select payload_sealed, payload_hash, topic, payload_bytes from quarantine") == before
    assert BOX.open_bytes(before[0][0]) == said


@pytest.mark.parametrize(("sqlstate", "reason"), [("check_violation", "refused"), ("undefined_table", "internal")])
async def test_what_breaks_us_again_stays_and_what_it_broke_on_quotes_nobody(
    door: Door, sqlstate: str, reason: str
) -> None:
    """Nothing of it is stored; once that is mended it is taken."""
    await door.say("press", PRESS, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    await door.conn.execute(
        "create function naming() returns trigger language plpgsql as $$ begin"
        f" raise exception '13800000077' using errcode = '{sqlstate}', detail = 'row of XiaomingWang'; end $$;"
        " create trigger naming after insert on case_file for each row execute function naming()".encode()
    )
    number = await only(door)
    assert await replay(door, number) == "quarantined"
    row, _, acts = await shelf.show(door.conn, BOX, number)
    assert (row.reason, row.settled, acts[0].outcome) == (reason, None, reason)
    assert "Xiaoming" not in acts[0].note + row.reason
    assert "1380000" not in acts[0].note
    assert await door.one("select count(*) from message") == 0
    await door.conn.execute("drop trigger naming on case_file")
    assert await replay(door, number) == "stored"


async def test_a_state_of_then_says_nothing_of_now(door: Door) -> None:
    await door.say("state", {"st": "offline"}, device=NOBODY)
    await register(door.conn, BOX, NOBODY, None, AT)
    assert await replay(door, await only(door)) == "quarantined"
    assert await door.rows("select reason from quarantine") == [("refused",)]


async def test_what_is_dropped_is_kept_with_who_and_why(door: Door) -> None:
    await door.take(f"okc/v1/up/hb/{DEVICE}", b"rubbish")
    number = await only(door)
    with pytest.raises(BadInput, match="why"):
        await shelf.drop(door.conn, number, note=" ", now=door.now, **WHO)
    await shelf.drop(door.conn, number, note="a board on the bench", now=door.now, **WHO)
    row, said, acts = await shelf.show(door.conn, BOX, number)
    assert (row.settled, said, acts[0].note) == ("dropped", b"rubbish", "a board on the bench")
    with pytest.raises(Conflict):
        await replay(door, number)


async def test_a_number_that_is_none_is_said(door: Door) -> None:
    with pytest.raises(NotFound):
        await replay(door, 77)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_done_in_whatever_order_each_message_is_stored_once(door: Door, seed: int) -> None:
    """Registrations, corrections, replays, drops and kills at random, against a count by hand."""
    draw = random.Random(seed)
    good: dict[int, bytes] = {}  # quarantine number: a payload that can be taken
    dropped: set[int] = set()
    registered = False
    for number in range(1, 9):
        kind = draw.choice(["hb", "press"])
        fields = BEAT if kind == "hb" else PRESS
        said = payload(kind, fields, number)
        device = NOBODY if draw.random() < 0.5 else DEVICE
        await door.take(f"okc/v1/up/{kind}/{device}", said if device == NOBODY else said[:-1])
        good[await only(door)] = said
    for _ in range(60):
        number = draw.choice(list(good))
        act = draw.choice(["replay", "correct", "drop", "register", "killed"])
        door.later(minutes=draw.randint(1, 30))
        try:
            if act == "register" and not registered:
                await register(door.conn, BOX, NOBODY, None, door.now)
                registered = True
            elif act == "correct":
                await shelf.correct(door.conn, BOX, number, good[number], note="-", now=door.now, **WHO)
            elif act == "drop" and draw.random() < 0.2:
                await shelf.drop(door.conn, number, note="-", now=door.now, **WHO)
                dropped.add(number)
            elif act in {"replay", "killed"}:
                async with door.conn.transaction(force_rollback=act == "killed"):
                    await replay(door, number)
        except AppError:
            continue
    settled = dict(await door.rows("select quarantine_id, settled from quarantine where settled is not null"))
    assert {number for number, how in settled.items() if how == "dropped"} == dropped
    replayed = {messages.read_id(good[number]) for number, how in settled.items() if how == "replayed"}
    stored = await door.rows("select id from message union all select id from heartbeat")
    assert sorted(id_ for (id_,) in stored) == sorted(str(id_) for id_ in replayed)
    assert await door.one("select count(*) from quarantine") == len(good)
    assert AT + timedelta(0) == await door.one("select min(received_at) from quarantine")
