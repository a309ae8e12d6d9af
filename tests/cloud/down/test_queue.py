"""Rows of what to tell, and the messages that are made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cloud.devices.actions import register
from cloud.down import queue, store
from cloud.down.send import prepare
from cloud.sealed import Box
from protocol import messages
from protocol.errors import LocalProtocolError
from protocol.fields import RECEIPT_IDS_MAX

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
DEVICE, OTHER = "BJCY000001", "BJCY000002"
SOON = NOW + timedelta(minutes=2)
ROUTE = {
    "ref": "0badcafe.1.1", "case": "c", "ver": 1, "plan": [["坐席", "01055500001", 30, 1]],
    "exp": int(SOON.timestamp()),
}  # fmt: skip


@pytest.fixture
async def two(conn: Conn) -> Conn:
    for device_id in (DEVICE, OTHER):
        await register(conn, BOX, device_id, None, NOW)
    return conn


async def test_numbers_in_a_row_are_sealed_and_leave_as_they_were(two: Conn) -> None:
    """A queue is a place where personal data lies."""
    await queue.send(two, BOX, DEVICE, "route", ROUTE, NOW, SOON, "0badcafe.1.1")
    (row,) = await store.due_urgent(two, NOW, 10)
    assert row.body_sealed is not None
    assert b"01055500001" not in row.body_sealed
    ((message,), unreadable) = prepare(BOX, [row], NOW)
    assert unreadable == []
    assert message.topic == f"okc/v1/down/route/{DEVICE}"
    assert messages.decode("down", "route", message.payload) == {"v": 1, **ROUTE}
    assert message.expires_at == SOON


async def test_what_the_wire_forbids_is_not_queued(two: Conn) -> None:
    """Our fault, found where it is made."""
    with pytest.raises(LocalProtocolError):
        await queue.send(two, BOX, DEVICE, "route", {**ROUTE, "plan": []}, NOW, SOON, None)


async def test_receipts_of_one_terminal_leave_together_and_each_id_once(two: Conn) -> None:
    """Up to 40 in a message; nobody's receipt reaches somebody else."""
    ids = [f"0badcafe.1.{number}" for number in range(RECEIPT_IDS_MAX + 2)]
    for message_id in [*ids, ids[0]]:
        await queue.receipt(two, DEVICE, message_id, NOW)
    await queue.receipt(two, OTHER, "feedface.1.1", NOW)
    rows = await store.due_receipts(two, NOW, 100)
    outgoing, _ = prepare(BOX, rows, NOW)
    named = [
        (message.topic.rsplit("/", 1)[1], messages.decode("down", "receipt", message.payload)["of"])
        for message in outgoing
    ]
    assert named == [
        (DEVICE, ids[:RECEIPT_IDS_MAX]),
        (DEVICE, [*ids[RECEIPT_IDS_MAX:], ids[0]]),
        (OTHER, ["feedface.1.1"]),
    ]
    assert sorted(down_id for message in outgoing for down_id in message.down_ids) == sorted(
        row.down_id for row in rows
    )


async def test_the_largest_receipt_fits_the_wire(two: Conn) -> None:
    """40 of the longest ids."""
    for number in range(RECEIPT_IDS_MAX):
        await queue.receipt(two, DEVICE, f"ffffffff.9999999.{99_999_999 - number}", NOW)
    outgoing, _ = prepare(BOX, await store.due_receipts(two, NOW, 100), NOW)
    assert len(outgoing) == 1


async def test_a_row_that_cannot_be_read_stands_in_nobodys_way(two: Conn) -> None:
    """Sealed with a key that is gone: put off, and the rest is sent."""
    await queue.send(two, Box(b"q" * 32), DEVICE, "route", ROUTE, NOW, SOON, None)
    await queue.send(two, BOX, DEVICE, "route", ROUTE, NOW, SOON, None)
    rows = await store.due_urgent(two, NOW, 10)
    outgoing, unreadable = prepare(BOX, rows, NOW)
    assert ([message.down_ids for message in outgoing], unreadable) == ([(rows[1].down_id,)], [rows[0].down_id])
    await store.put_off(two, unreadable[0], NOW + timedelta(minutes=10))
    assert [row.down_id for row in await store.due_urgent(two, NOW, 10)] == [rows[1].down_id]


async def test_rows_are_marked_once_and_retired_when_they_are_old_and_done(two: Conn) -> None:
    """What is still due is never deleted, however old."""
    for message_id in ("0badcafe.1.1", "0badcafe.1.2", "0badcafe.1.3"):
        await queue.receipt(two, DEVICE, message_id, NOW)
    first, second, third = [row.down_id for row in await store.due_receipts(two, NOW, 10)]
    await store.mark_sent(two, [first], NOW)
    await store.mark_dropped(two, [first, second], NOW)
    assert [row.down_id for row in await store.due_receipts(two, NOW, 10)] == [third]
    assert await store.retire(two, NOW + timedelta(days=1), 10) == 2
    rows = await (await two.execute("select down_id, sent_at, dropped_at from down")).fetchall()
    assert rows == [(third, None, None)]
