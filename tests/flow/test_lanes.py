"""A process of ingest for each lane, as a district runs it: each takes its own, and waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud import clock
from protocol import topics
from tests.flow.parts import beat, client, press, scalar, stored_presses, until

if TYPE_CHECKING:
    from tests.flow.conftest import Walk


async def test_a_process_of_one_lane_leaves_the_other_to_another_process(walk: Walk) -> None:
    """The press is stored without the other; the heartbeat waits at the broker until its process is there."""
    messages, beats = walk.service("ingest"), walk.service("ingest")
    messages.env |= {"OKC_INGEST_LANES": "messages"}
    beats.env |= {"OKC_INGEST_LANES": "heartbeats"}
    await beats.start()  # so that the broker knows its session
    assert beats.stop() == 0
    await messages.start()
    sent: dict[str, dict[str, Any]] = {}
    now = clock.now()
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.publish(topics.build("up", "hb", walk.device_id), beat("0badcafe.1.1", now), qos=1)
        payload = press("0badcafe.1.2", now, sent)
        await terminal.publish(topics.build("up", "press", walk.device_id), payload, qos=1)

    async def pressed() -> bool:
        return [each[1] for each in await stored_presses(walk.database)] == list(sent)

    async def beaten() -> bool:
        return bool(await scalar(walk.database, "select count(*) from heartbeat") == 1)

    await until(pressed, "the press is stored")
    assert not await beaten()
    await beats.start()
    await until(beaten, "the heartbeat is stored")
    assert await scalar(walk.database, "select count(*) from quarantine") == 0
