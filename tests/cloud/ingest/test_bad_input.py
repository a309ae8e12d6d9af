"""Whatever comes in on whatever topic: stored or in quarantine with a reason, and the next message is taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.ingest.take import OUTCOMES
from protocol.codes import UP_KINDS
from protocol.errors import REASONS
from protocol.fields import PAYLOAD_BYTES_MAX, fields_of
from protocol.ids import make_id
from tests.cloud.ingest.conftest import DEVICE, PRESS
from tests.protocol.strategies import JSON
from tests.protocol.strategies import messages as any_message

if TYPE_CHECKING:
    from tests.cloud.ingest.conftest import Door

KINDS = st.sampled_from([*UP_KINDS, "route", "pres", ""])
TOPICS = st.builds(
    "okc/v1/{}/{}/{}".format,
    st.sampled_from(["up", "up", "up", "down"]),
    KINDS,
    st.sampled_from([DEVICE, DEVICE, "BJCY999999", "short"]),
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
OVERSIZED = st.builds(
    lambda size, kind: b'{"v":1,"id":"0badcafe.9.9","kind":"%s","x":"' % kind.encode() + b"x" * size,
    st.integers(400, 200_000),
    KINDS,
)
# The database is real and shared between the examples of one test, so that one poison would show in the next.
EXAMPLES = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def almost_right(draw: st.DrawFn) -> tuple[str, bytes]:
    """A message of its kind in which one field has any JSON value."""
    kind = draw(st.sampled_from(UP_KINDS))
    fields = draw(any_message("up", kind))
    name = draw(st.sampled_from([row[0] for row in fields_of("up", kind)]))
    payload = json.dumps({**fields, name: draw(JSON)}).encode(errors="surrogatepass")
    return f"okc/v1/up/{kind}/{DEVICE}", payload


RUBBISH = st.tuples(TOPICS, st.binary(max_size=700) | OVERSIZED | JSON.map(lambda value: json.dumps(value).encode()))


@EXAMPLES
@given(st.one_of(RUBBISH, almost_right()))
async def test_anything_is_stored_or_quarantined_and_the_stream_goes_on(door: Door, bad: tuple[str, bytes]) -> None:
    """Random bytes, wrong types, oversized and unknown messages on every topic."""
    quarantined = await door.one("select coalesce(sum(times), 0) from quarantine")
    outcome = await door.take(*bad)
    assert outcome in OUTCOMES
    now_quarantined = await door.one("select coalesce(sum(times), 0) from quarantine")
    assert now_quarantined - quarantined == (outcome == "quarantined")
    reasons = {row[0] for row in await door.rows("select distinct reason from quarantine")}
    assert reasons <= set(REASONS)
    presses = await door.one("select count(*) from message where kind = 'press'")
    fresh = make_id("feedface", 1, presses)
    assert await door.say("press", {**PRESS, "id": fresh}) in {"stored", "id_clash", "duplicate"}


@EXAMPLES
@given(st.sampled_from(UP_KINDS), st.data())
async def test_the_database_takes_every_message_that_the_protocol_takes(
    door: Door, kind: str, data: st.DataObject
) -> None:
    """What decoding lets through is never refused further in: no text, number or date is too strange to store."""
    fields: dict[str, Any] = {**data.draw(any_message("up", kind)), "v": 1}
    payload = json.dumps(fields, ensure_ascii=False).encode()
    outcome = await door.take(f"okc/v1/up/{kind}/{DEVICE}", payload)
    if outcome == "quarantined":
        reason = await door.one("select reason from quarantine order by last_at desc, quarantine_id desc limit 1")
        too_long = len(payload) > PAYLOAD_BYTES_MAX["up"]
        assert too_long or (kind, reason) in {("day", "range"), ("call", "foreign")}
