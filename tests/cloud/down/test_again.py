"""What was sent is sent again until it is answered, replaced or expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.devices.actions import register
from cloud.down import queue, rules, store
from cloud.sealed import Box

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
DEVICE, REF = "BJCY000001", "0badcafe.1.1"
SOON = NOW + timedelta(minutes=2)
ROUTE: dict[str, Any] = {
    "ref": REF, "case": "c", "ver": 1, "plan": [["坐席", "01055500001", 30, 1]], "exp": int(SOON.timestamp()),
}  # fmt: skip
DESK: dict[str, Any] = {"ref": REF, "st": "accepted", "exp": int(SOON.timestamp())}


@pytest.fixture
async def line(conn: Conn) -> Conn:
    await register(conn, BOX, DEVICE, None, NOW)
    return conn


async def sent(conn: Conn, kind: str, fields: dict[str, Any]) -> int:
    """One message that the broker has; when the table says, it is due again."""
    down_id = await queue.send(conn, BOX, DEVICE, kind, fields, NOW, SOON, REF)
    await store.mark_sent(conn, [down_id], NOW, [rules.again_at(kind, 0, NOW, SOON)])
    return down_id


async def due(conn: Conn, at: datetime) -> list[int]:
    """What leaves once more at this moment."""
    await store.settle_again(conn, at)
    return [row.down_id for row in await store.due_again(conn, at, 10)]


@given(
    kind=st.sampled_from(["route", "desk", "config", "cmd", "receipt"]),
    valid=st.one_of(st.none(), st.integers(1, 200_000)),
)
def test_every_message_comes_to_an_end(kind: str, valid: int | None) -> None:
    """Later each time, never after its expiry; what has an answer is looked at once more at its end."""
    expires_at = None if valid is None else NOW + timedelta(seconds=valid)
    at, times = NOW, 0
    while (then := rules.again_at(kind, times, at, expires_at)) is not None:
        assert then > at
        assert expires_at is None or then <= expires_at
        times, at = times + 1, then
        if at == expires_at:
            break
    assert times <= len(rules.AGAIN.get(kind, ())) + 1
    if kind in rules.ANSWERED and expires_at is not None:
        assert at == expires_at


async def test_a_route_is_sent_again_until_a_call_by_it(line: Conn) -> None:
    """A call by this route and no other is the answer."""
    down_id = await sent(line, "route", ROUTE)
    assert await due(line, NOW) == []
    assert await due(line, NOW + timedelta(seconds=5)) == [down_id]
    await queue.answered(line, DEVICE, "route", "0badcafe.1.2", NOW)
    assert await due(line, NOW + timedelta(seconds=5)) == [down_id]
    await queue.answered(line, DEVICE, "route", REF, NOW)
    assert await due(line, SOON) == []
    row = await (await line.execute("select answered_at, unanswered_at from down")).fetchone()
    assert row == (NOW, None)


async def test_an_answer_before_the_brokers_word_counts(line: Conn) -> None:
    """A terminal may be faster than our own commit."""
    down_id = await queue.send(line, BOX, DEVICE, "route", ROUTE, NOW, SOON, REF)
    await queue.answered(line, DEVICE, "route", REF, NOW)
    await store.mark_sent(line, [down_id], NOW, [NOW])
    assert await due(line, SOON) == []


async def test_the_lamp_is_never_set_back_by_a_repetition(line: Conn) -> None:
    """The older word on the same press is not said again after the newer one."""
    await sent(line, "desk", DESK)
    newer = await sent(line, "desk", {**DESK, "st": "on_the_way"})
    assert await due(line, NOW + timedelta(minutes=1)) == [newer]


async def test_a_route_that_nobody_answered_is_marked_and_counted_and_a_lamp_is_not(line: Conn) -> None:
    """Of the two only one has an answer that can be missing."""
    await sent(line, "route", ROUTE)
    await sent(line, "desk", DESK)
    assert await store.settle_again(line, SOON) == 1
    rows = await (await line.execute("select kind, unanswered_at, again_at from down order by 1")).fetchall()
    assert rows == [("desk", None, None), ("route", SOON, None)]
    assert await store.retire(line, SOON, 10) == 2


async def test_a_row_that_is_still_to_be_sent_again_is_kept(line: Conn) -> None:
    """Whatever the sweep thinks of its age."""
    await sent(line, "route", ROUTE)
    assert await store.retire(line, SOON, 10) == 0
