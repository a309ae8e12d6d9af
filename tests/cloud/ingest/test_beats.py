"""A batch of heartbeats comes to the same as each of them by itself, in order of arrival."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import Rollback

from cloud.devices import actions
from cloud.ingest import beatstore
from cloud.ingest.beatline import COLUMNS, line
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from protocol import messages
from tests.cloud.ingest.conftest import AT, BOX, SETTINGS, Door

if TYPE_CHECKING:
    from cloud.db import Conn

DEVICES = ["BJCY000001", "BJCY000002", "BJCY000003"]
CONFIG = {"hb": 300, "plan": {"sos": [["desk", "01055500001", 30, 1]]}}
ASKED = {
    "heartbeat": "select * from heartbeat order by device_id, id, content_hash",
    "state": "select to_jsonb(s) - 'beat_epoch' - 'beat_place' from device_state s order by device_id",
    "day": "select * from device_day order by device_id, day",
}
# A terminal whose storage was wiped draws another epoch.
EPOCHS = ["0badcafe", "0badcafe", "0badcafe", "0badcaff", "00000001"]
# A mark below a stored heartbeat of its epoch, or none where one is stored, would let that one in again.
MARK_TOO_LOW = (
    "select h.device_id, h.id, s.beat_epoch, s.beat_place from heartbeat h left join device_state s using (device_id)"
    " where s.beat_epoch is null or (s.beat_epoch = split_part(h.id, '.', 1) and s.beat_place <"
    "  split_part(h.id, '.', 2)::bigint * 100000000 + split_part(h.id, '.', 3)::bigint)"
)
# A terminal that runs what is wanted when the batch ends is sent nothing; one that comes again after an hour is, once.
SENT = "select distinct device_id, kind, of_id from down"
UNSENT = (
    "select device_id from device join device_state s using (device_id) where device.config_version not in"
    " (0, s.config_version) and not exists (select from down where down.device_id = device.device_id)"
    " and exists (select from device_config c where c.version = device.config_version)"
    " and exists (select from heartbeat h where h.device_id = device.device_id)"
)


def story(seed: int) -> list[Arrival]:
    """Heartbeats of some terminals: again, with ids used before, late, undated, in and out of calls, over midnight."""
    draw = random.Random(seed)
    now = AT + timedelta(hours=draw.choice([0, 11, 12]), minutes=58)
    out: list[Arrival] = []
    for _ in range(draw.randrange(1, 60)):
        now += timedelta(milliseconds=draw.choice([1, 900, 60_000, 600_000, 900_000]))
        if out and draw.random() < 0.2:
            before = draw.choice(out)
            out.append(Arrival(topic=before.topic, payload=before.payload, retained=False, received_at=now))
            continue
        at = int(now.timestamp()) - draw.choice([0, 0, 0, 5, 100, 130, 4_000, 90_000])
        up = draw.randrange(0, 10**8)
        fields: dict[str, Any] = {
            "id": f"{draw.choice(EPOCHS)}.{draw.choice([1, 1, 1, 2, 10])}.{draw.randrange(1, 12)}",
            "t": draw.choice([at, at, at, None, 1_000_000_000, at + 500_000]),
            "u": up, "s": draw.choice([up, up + 3_000, up + 200_000, None, up - 1 if up else up]),
            "bat": draw.choice([None, 3_700, 4_100]), "pct": draw.choice([None, 50]),
            "mains": draw.choice([None, 0, 1]),
            "csq": draw.randrange(32), "reg": 1, "net": "gsm", "cell": draw.choice([None, "1a2b-3c4d"]),
            "temp": draw.choice([None, -3]), "heap": 40_000, "box": 0, "drops": draw.randrange(3),
            "call": draw.randrange(2), "cfg": draw.randrange(3), "rtt": None, "test": None, "missed": None,
        }  # fmt: skip
        topic = f"okc/v1/up/hb/{draw.choice(DEVICES)}"
        out.append(Arrival(topic=topic, payload=messages.encode("up", "hb", fields), retained=False, received_at=now))
    return out


def batches(arrivals: list[Arrival], draw: random.Random) -> list[list[Arrival]]:
    """The same in pieces of any size."""
    out: list[list[Arrival]] = []
    at = 0
    while at < len(arrivals):
        size = draw.choice([1, 2, 5, 20, 100])
        out.append(arrivals[at : at + size])
        at += size
    return out


async def prepared(conn: Conn, seed: int) -> None:
    """Two configurations, and terminals of which some were seen before, in a call or not."""
    draw = random.Random(seed + 1_000)
    for ver in (1, 2):
        if draw.random() < 0.7:
            await actions.want_config(conn, BOX, draw.choice([None, DEVICES[0]]), {**CONFIG, "ver": ver}, AT)
    for device in DEVICES:
        if draw.random() < 0.6:
            until = draw.choice([None, AT + timedelta(minutes=61), AT + timedelta(minutes=90)])
            await conn.execute(
                "insert into device_state (device_id, first_seen_at, last_seen_at, in_call_until, on_mains)"
                " values (%s, %s, %s, %s, %s)",
                [device, AT, AT, until, draw.choice([None, True, False])],
            )


async def rows(conn: Conn) -> dict[str, list[tuple[Any, ...]]]:
    asked = {**ASKED, "sent": SENT, "unsent": UNSENT}
    return {name: await (await conn.execute(query.encode())).fetchall() for name, query in asked.items()}


async def one_by_one(conn: Conn, arrivals: list[Arrival]) -> None:
    for arrival in arrivals:
        await take(conn, BOX, SETTINGS, arrival)


async def staged(conn: Conn, lines: list[str | None]) -> None:
    """By COPY, as in earnest; the server in WebAssembly has none."""
    if conn.info.host != "127.0.0.1":
        await beatstore.stage(conn, [text for text in lines if text])
        return
    for seq, text in enumerate(lines):
        values = [None if each == "\\N" else each for each in (text or "").split("\t")]
        values[COLUMNS.index("content_hash")] = (values[COLUMNS.index("content_hash")] or "")[1:]
        asked = ", ".join(["%s"] * len(values))
        await conn.execute(
            f"insert into beat_stage (seq, {', '.join(COLUMNS)}) values (%s, {asked})".encode(), [seq, *values]
        )


async def in_batches(conn: Conn, arrivals: list[Arrival], seed: int) -> None:
    for batch in batches(arrivals, random.Random(seed)):
        lines = [line(each.topic, each.payload, each.received_at) for each in batch]
        assert all(lines)
        await staged(conn, lines)
        done = await beatstore.add(conn)
        assert done.strangers == []
        assert done.stored + done.duplicates == len(batch)
        for device in done.configure:
            await actions.configure_if_wanted(conn, BOX, device, batch[-1].received_at)
        await conn.execute("truncate beat_stage, beat_new, beat_device, beat_state")


@pytest.mark.parametrize("seed", range(60))
async def test_a_batch_says_what_its_heartbeats_say(door: Door, seed: int) -> None:
    """Rows, latest state, the day's count and what is sent down."""
    await hold_against(door, seed)


@pytest.mark.parametrize("seed", range(100, 104))
async def test_a_batch_does_so_on_either_variant(either: Conn, seed: int) -> None:
    """Of the database."""
    async with either.transaction() as undone:
        for device in DEVICES[:2]:
            await actions.register(either, BOX, device, None, AT)
        await hold_against(Door(either), seed)
        raise Rollback(undone)


async def hold_against(door: Door, seed: int) -> None:
    conn = door.conn
    await actions.register(conn, BOX, DEVICES[2], None, AT)
    await beatstore.prepare(conn)
    await prepared(conn, seed)
    arrivals = story(seed)
    found = []
    for way in (one_by_one, in_batches):
        async with conn.transaction() as undone:
            if way is one_by_one:
                await one_by_one(conn, arrivals)
            else:
                await in_batches(conn, arrivals, seed)
            found.append(await rows(conn))
            assert await door.rows(MARK_TOO_LOW) == []
            raise Rollback(undone)
    for name in ASKED:
        assert found[1][name] == found[0][name], name
    assert set(found[1]["sent"]) <= set(found[0]["sent"])
    assert found[1]["unsent"] == []


async def test_heartbeats_of_nobody_are_handed_back(door: Door) -> None:
    """The careful way puts them into quarantine; the others of the batch do not wait for that."""
    conn = door.conn
    await beatstore.prepare(conn)
    arrivals = [each for each in story(3) if "000003" not in each.topic][:5]
    texts = [line(each.topic, each.payload, each.received_at) or "" for each in arrivals]
    texts[2:2] = [texts[0].replace("BJCY00000", "NOBODY00")]
    await beatstore.stage(conn, texts)
    done = await beatstore.add(conn)
    assert (done.strangers, done.stored + done.duplicates) == ([2], len(arrivals))
    assert done.stored > 0
    assert await door.one("select count(*) from heartbeat where device_id like 'NOBODY%'") == 0
