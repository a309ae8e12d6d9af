"""Two processes of ingest: one works, the other follows it, whatever happens to the first."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from cloud import clock
from tests.flow.parts import beat, client, press, scalar, stored_presses, until, up
from tests.flow.test_ingest_killed import assert_stored_once

if TYPE_CHECKING:
    from tests.flow.conftest import Walk

HOLDERS = "select count(distinct holder) from lease where until_at > clock_timestamp()"


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=["killed", "frozen", "stopped"])
async def test_the_second_takes_over_with_presses_and_heartbeats_under_way(walk: Walk, fate: signal.Signals) -> None:
    """Nothing is lost, nothing is there twice, and one that thaws does not take the lanes back."""
    first, second = walk.service("ingest"), walk.service("ingest")
    await first.start()
    await second.start()
    assert first.process is not None
    assert await scalar(walk.database, HOLDERS) >= 1
    sent: dict[str, dict[str, Any]] = {}
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        for number in range(1, 31):
            if number == 10:
                first.process.send_signal(fate)
            await terminal.publish(up("press", walk.device_id), press(f"0badcafe.1.{number}", clock.now(), sent), qos=1)
            await terminal.publish(up("hb", walk.device_id), beat(f"0badcafe.1.{100 + number}", clock.now()), qos=1)

        async def all_there() -> bool:
            beats = await scalar(walk.database, "select coalesce(sum(beats), 0) from device_day")
            return len(await stored_presses(walk.database)) == len(sent) and beats == 30

        await until(all_there, "the second has taken what the first had not")
        if fate == signal.SIGSTOP:
            first.process.send_signal(signal.SIGCONT)
            for number in range(31, 41):
                payload = press(f"0badcafe.1.{number}", clock.now(), sent)
                await terminal.publish(up("press", walk.device_id), payload, qos=1)
            await until(all_there, "what came after the first had thawed is there")
    await assert_stored_once(walk, sent)
