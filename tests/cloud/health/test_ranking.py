"""Risk against the real schema: rows come and go with the findings, and people's facts reach the score sealed."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.elders import store as elders
from cloud.elders.models import Elder, PersonFacts
from cloud.health import actions, ranking
from cloud.sealed import Box
from tests.cloud.health.fleet import NOW, healthy, ingest_works, state, talked

if TYPE_CHECKING:
    from cloud.db import Conn

BOX = Box(bytes(range(32)))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def three(conn: Conn) -> list[str]:
    """Three terminals that fell silent 26 hours ago."""
    names = await healthy(conn, 3)
    await ingest_works(conn)
    await conn.execute("update device_state set last_seen_at = %s", [NOW - 26 * HOUR])
    return names


async def lives(conn: Conn, device_id: str, *, alone: bool = True, **facts: Any) -> uuid.UUID:
    """Somebody in the home of a terminal."""
    home_id = await elders.home_of_device(conn, device_id)
    assert home_id is not None
    await conn.execute("update home set lives_alone = %s where home_id = %s", [alone, home_id])
    await elders.add_elder(
        conn, BOX, uuid.uuid4(), home_id=home_id, elder=Elder("王淑兰", None), now=NOW, facts=PersonFacts(**facts)
    )
    return home_id


async def look(conn: Conn, now: datetime = NOW) -> dict[str, tuple[int, dict[str, int]]]:
    """Look and rank; level and parts of each terminal in the order of the list."""
    await ingest_works(conn, now)
    await actions.look(conn, now)
    await ranking.rank(conn, BOX, now)
    cursor = await conn.execute("select device_id, level, parts from terminal_risk order by score desc, device_id")
    return {row[0]: (row[1], dict(row[2])) for row in await cursor.fetchall()}


async def test_who_is_alone_old_and_frail_comes_first_and_what_is_unknown_lies_between(
    conn: Conn, three: list[str]
) -> None:
    """The same silence in three homes; a home of which nothing is known is not the last."""
    await lives(conn, three[0], alone=False, birth="1958", care_level="完好")
    await lives(conn, three[2], birth="1936-01-01", care_level="失能", care_notes="中风后遗症")
    await conn.execute("delete from installation where device_id = %s", [three[1]])
    found = await look(conn)
    assert [(name, level) for name, (level, _) in found.items()] == [(three[2], 0), (three[1], 1), (three[0], 1)]
    assert {"alone", "age_90", "care_4", "unheard", "silent"} < set(found[three[2]][1])
    assert {"alone_unknown", "age_unknown", "care_unknown"} < set(found[three[1]][1])
    assert {"together", "age_0", "care_0"} < set(found[three[0]][1])


async def test_of_two_people_in_a_home_the_frailer_counts(conn: Conn, three: list[str]) -> None:
    """Also when nobody wrote down how old the other one is."""
    await lives(conn, three[0], birth="1962", care_level="重度")
    await lives(conn, three[0], birth="1931", care_level="完好")
    await lives(conn, three[1], birth="1962", care_level="完好")
    await lives(conn, three[1])
    found = await look(conn)
    assert {"age_90", "care_3"} < set(found[three[0]][1])
    assert {"age_unknown", "care_unknown"} < set(found[three[1]][1])


async def test_a_press_a_talk_or_an_acceptance_is_contact_and_a_heartbeat_is_not(conn: Conn, three: list[str]) -> None:
    """By key_use for a press, by the case of her home for an acceptance."""
    for name in three:
        await lives(conn, name)
    await talked(conn, three[0], "sos", NOW - HOUR, accepted=False, seconds=1)
    await talked(conn, three[1], "sos", NOW - 5 * DAY, accepted=False, seconds=1)
    await conn.execute(
        "update case_file c set home_id = i.home_id, opened_at = %s, accepted_at = %s from installation i"
        " where i.device_id = c.device_id and c.device_id = %s", [NOW - DAY, NOW - HOUR, three[1]],
    )  # fmt: skip
    await state(conn, three[2], last_beat_at=NOW - MINUTE)
    found = await look(conn)
    assert next(iter(found)) == three[2]
    assert [parts.get("heard") for _, parts in found.values()] == [None, 0, 0]
    assert found[three[2]][1]["unheard"] == 20


async def test_what_somebody_else_pressed_before_she_had_the_terminal_is_not_her_contact(
    conn: Conn, three: list[str]
) -> None:
    """It came out of another home today."""
    await talked(conn, three[0], "sos", NOW - 30 * HOUR, accepted=False, seconds=1)
    assert (await look(conn))[three[0]][1]["unheard"] == 8
    await conn.execute("update installation set installed_on = %s where device_id = %s", [NOW.date(), three[0]])
    await conn.execute("update device_state set last_seen_at = %s", [NOW - 13 * HOUR])
    assert (await look(conn))[three[0]][1]["unheard"] == 20


async def test_rows_follow_the_findings_and_what_is_the_same_is_not_written(conn: Conn, three: list[str]) -> None:
    """A row goes with the last finding; an hour later the others are a little more urgent."""
    await lives(conn, three[0], birth="1941")
    await look(conn)
    assert await ranking.rank(conn, BOX, NOW) == 0
    await state(conn, three[0], last_seen_at=NOW + HOUR, battery_pct=5)
    await state(conn, three[1], last_seen_at=NOW + HOUR)
    found = await look(conn, NOW + HOUR + MINUTE)
    assert {name: list(parts)[5:] for name, (_, parts) in found.items()} == {
        three[2]: ["silent"], three[0]: ["battery_low"],
    }  # fmt: skip
    await conn.execute("update device_state set last_seen_at = %s, battery_pct = 90", [NOW + 2 * HOUR])
    assert await look(conn, NOW + 2 * HOUR + MINUTE) == {}


async def test_what_cannot_be_unsealed_is_not_known_and_stops_nothing(conn: Conn, three: list[str]) -> None:
    """A blob of another key, or no JSON in it."""
    await lives(conn, three[0], birth="1941", care_level="轻度")
    await conn.execute("update elder set birth_sealed = '\\x0102', care_sealed = %s", [BOX.seal("[not json")])
    assert {"age_unknown", "care_unknown"} < set((await look(conn))[three[0]][1])
    await conn.execute("update elder set care_sealed = %s", [BOX.seal('["轻度"]')])
    assert "care_unknown" in (await look(conn))[three[0]][1]


async def test_nothing_of_a_person_is_readable_in_the_database(conn: Conn, three: list[str]) -> None:
    """Neither in her row nor in the row of the risk."""
    await lives(conn, three[0], birth="1941-05-06", care_level="重度", care_notes="心脏支架")
    await look(conn)
    cursor = await conn.execute("select e::text, r::text from elder e, terminal_risk r")
    told = "".join(part for row in await cursor.fetchall() for part in row)
    assert not any(word in told for word in ("1941", "重度", "心脏", "王淑兰"))
    assert "心脏" not in repr(PersonFacts(birth="1941", care_notes="心脏支架"))
