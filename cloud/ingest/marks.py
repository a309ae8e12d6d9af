"""What is known of a terminal's heartbeats without looking at them: a mark above which none is stored.

In: ids, an open transaction that holds the lock of the terminal. Out: the place of an id, and the mark, which is kept
with the latest state. A heartbeat of the marked epoch above the mark is new for certain; every other one is looked up.
A mark may stand too high, which costs a look-up, and never too low: that would store a heartbeat twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.ids import SEQUENCE_MAX, parse_id

if TYPE_CHECKING:
    from cloud.db import Conn

# One epoch for each terminal: it draws another one only when its storage was wiped.
_RAISE = """
update device_state s set beat_epoch = %(epoch)s,
    beat_place = case when s.beat_epoch = %(epoch)s then greatest(s.beat_place, %(place)s) else %(place)s end
where s.device_id = %(device_id)s and (s.beat_epoch is null or s.beat_epoch = %(epoch)s or not exists (
    select from heartbeat h where h.device_id = s.device_id and h.id >= %(epoch)s || '.' and h.id < %(epoch)s || '/'
    and h.id <> %(id)s))
"""


def place(message_id: str) -> int:
    """Where an id stands in its epoch. Raises ValueError for what is no id."""
    parsed = parse_id(message_id)
    if parsed is None:
        raise ValueError("no id")
    _epoch, boot, sequence = parsed
    return boot * (SEQUENCE_MAX + 1) + sequence


async def raise_mark(conn: Conn, device_id: str, message_id: str) -> None:
    """A heartbeat was stored in this transaction. The mark follows to another epoch of which nothing else is stored."""
    epoch = message_id.partition(".")[0]
    await conn.execute(_RAISE, {"device_id": device_id, "id": message_id, "epoch": epoch, "place": place(message_id)})
