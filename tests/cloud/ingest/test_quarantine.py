"""What is kept of bad messages: each once, a bounded number whole, every press with an id, all counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from cloud.ingest import careful, models
from cloud.ingest.careful import Careful
from cloud.ingest.models import QUARANTINED_WHOLE_A_DAY, Arrival
from protocol import messages
from tests.cloud.ingest.conftest import AT, BOX, DEVICE, NEIGHBOUR, PRESS, SETTINGS

if TYPE_CHECKING:
    from cloud.db import Conn
    from tests.cloud.ingest.conftest import Door

BAD_PRESS = b'{"v":1,"id":"0badcafe.1.%d"}'


async def spoil(door: Door, kind: str, numbers: range) -> None:
    for number in numbers:
        await door.take(f"okc/v1/up/{kind}/{DEVICE}", b"rubbish %d" % number)


async def test_a_resend_of_what_can_be_read_is_the_same_message(door: Door) -> None:
    """`s` is another in each resend of a press that is not receipted: one line for the desk, not one a minute."""
    for uptime in (60_000, 70_000, 90_000):
        await door.say("press", {**PRESS, "s": uptime}, device="BJCY999999")
    assert await door.rows("select times, reason from quarantine") == [(3, "unknown_device")]


async def test_beyond_the_bound_of_a_day_rubbish_is_only_counted(door: Door) -> None:
    """By reason, in one row without a payload; the next day, and another terminal, have a bound of their own."""
    await spoil(door, "hb", range(QUARANTINED_WHOLE_A_DAY + 25))
    assert await door.one("select count(*) from quarantine") == QUARANTINED_WHOLE_A_DAY + 1
    assert await door.rows("select times, reason from quarantine where payload_bytes = 0") == [(25, "json")]
    assert await door.one("select sum(times) from quarantine") == QUARANTINED_WHOLE_A_DAY + 25
    await door.take(f"okc/v1/up/hb/{NEIGHBOUR}", b"rubbish")
    door.later(days=1)
    await door.take(f"okc/v1/up/hb/{DEVICE}", b"rubbish of another day")
    assert await door.one("select count(*) from quarantine where payload_bytes > 0") == QUARANTINED_WHOLE_A_DAY + 2


async def test_what_is_kept_already_is_counted_where_it_is_kept(door: Door) -> None:
    """Also when the day is full."""
    await spoil(door, "hb", range(QUARANTINED_WHOLE_A_DAY))
    await spoil(door, "hb", range(3))
    assert await door.one("select count(*) from quarantine") == QUARANTINED_WHOLE_A_DAY
    assert await door.one("select count(*) from quarantine where times = 2") == 3


async def test_an_empty_message_on_ever_new_topics_is_bounded_too(door: Door) -> None:
    """A terminal may write to any kind of its own."""
    for number in range(QUARANTINED_WHOLE_A_DAY + 10):
        await door.take(f"okc/v1/up/kind{number}/{DEVICE}", b"")
    assert await door.one("select count(*) from quarantine") == QUARANTINED_WHOLE_A_DAY + 1


async def test_a_press_with_a_readable_id_is_kept_however_full_the_day_is(door: Door) -> None:
    """It is receipted, so that this is the only place where it still is."""
    await spoil(door, "hb", range(QUARANTINED_WHOLE_A_DAY))
    for number in range(5):
        await door.take(f"okc/v1/up/press/{DEVICE}", BAD_PRESS % number)
    assert await door.one("select count(*) from quarantine where message_id is not null and payload_bytes > 0") == 5
    assert await door.one("select count(*) from down where kind = 'receipt'") == 5


async def test_presses_that_are_only_counted_stay_apart_from_the_rest(door: Door) -> None:
    """The desk must see that there were presses, even where nothing can be read of them."""
    await spoil(door, "hb", range(QUARANTINED_WHOLE_A_DAY + 2))
    await spoil(door, "press", range(3))
    counted = await door.rows("select topic, times from quarantine where payload_bytes = 0 order by topic")
    assert counted == [(f"okc/v1/up/hb/{DEVICE}", 2), (f"okc/v1/up/press/{DEVICE}", 3)]


class OneConnection(Careful):
    """On the test's own connection."""

    def __init__(self, conn: Conn) -> None:
        super().__init__(SETTINGS, BOX, Counter())
        self._conn = conn
        self._schema_checked = True

    async def drop(self) -> None:
        """The test needs it."""


@pytest.mark.parametrize("broken", [("take",), ("take", "quarantine")])
async def test_a_press_that_breaks_us_wherever_it_goes_is_kept(
    door: Door, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
) -> None:
    """Even where the quarantine breaks on the terminal's own rows, the lane goes on and the desk sees the press."""

    async def breaks(*_: Any) -> str:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(careful, "BACKOFF_FIRST_S", 0.0)
    for name in broken:
        monkeypatch.setattr(careful, name, breaks)
    common = {"id": "0badcafe.1.1", "t": int(AT.timestamp()), "u": 1, "s": 1}
    payload = messages.encode("up", "press", {**common, **PRESS})
    arrival = Arrival(topic=f"okc/v1/up/press/{DEVICE}", payload=payload, retained=False, received_at=AT)
    await OneConnection(door.conn).commit(arrival)
    assert await door.rows("select reason, message_id from quarantine") == [(models.INTERNAL, "0badcafe.1.1")]
    assert await door.one("select count(*) from down") == 0
