"""A broker that has forgotten what it kept for us is an incident on record; one that is new to us is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flow.parts import scalar, until

if TYPE_CHECKING:
    from tests.flow.conftest import Walk

LOST = "select array_agg(door order by door) from session_lost"


async def test_a_forgotten_session_is_recorded_for_each_lane_once(walk: Walk) -> None:
    """A first start and a restart of ours are no incidents; a broker that starts with an empty memory is one."""
    ingest = walk.service("ingest")
    await ingest.start()
    assert await scalar(walk.database, LOST) is None, "there was no session to lose"
    ingest.kill()
    await ingest.start()
    assert await scalar(walk.database, LOST) is None, "the broker had kept it"
    walk.broker.kill()
    walk.broker.start()

    async def recorded() -> bool:
        return bool(await scalar(walk.database, LOST) == ["beats", "ingest"])

    await until(recorded, "both lanes say that their session is gone")
    assert await scalar(walk.database, "select count(*) from session_lost where from_at > at") == 0
    assert ingest.stop() == 0
    await ingest.start()
    assert await scalar(walk.database, LOST) == ["beats", "ingest"], "told once"
