"""The loop that keeps the session up: what counts as a failure, and what does not."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from firmware.net import mqtt
from firmware.net.link import HELD, Identity, Link, OpenStream


class Closed(OpenStream):
    """Every try to connect ends as the test says."""

    def __init__(self, *ends: Exception) -> None:
        self.ends = list(ends)
        self.opened = 0
        self.closed = 0

    async def open(self, host: str, port: int, apn: str) -> None:
        self.opened += 1
        if not self.ends:
            await asyncio.Event().wait()
        raise self.ends.pop(0)

    async def close(self) -> None:
        self.closed += 1


class Rig:
    """A link without a modem."""

    def __init__(self, stream: Closed) -> None:
        self.downs: list[str] = []
        self.link = Link(
            stream=stream,
            identity=Identity("DESK01", b"", "will", "pattern"),
            ms=lambda: 0,
            draw=lambda: 0,
            ready=lambda: True,
            held=lambda: False,
            wanted=lambda: False,
            where=lambda: ("h", 1, "apn"),
            will=lambda: b"",
            on_message=lambda *_: None,
            on_up=self._up,
            on_down=self.downs.append,
            on_session=lambda: None,
        )

    async def _up(self, client: mqtt.Client) -> None:
        raise AssertionError

    async def until_opened(self, stream: Closed, times: int) -> None:
        task = asyncio.create_task(self.link.run())
        async with asyncio.timeout(5):
            while stream.opened < times:
                self.link.kick()
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_giving_way_to_a_call_is_no_failure() -> None:
    """The reports of the call must not wait two minutes because alarms came in a row."""
    stream = Closed(*[OSError(HELD) for _ in range(6)])
    rig = Rig(stream)
    await rig.until_opened(stream, 7)
    assert (rig.link.failures, rig.link.misses) == (0, 0)
    assert rig.link._backoff._base == 1_000
    assert stream.closed >= 6


async def test_a_fault_in_a_try_to_connect_is_a_failed_try_and_not_the_end_of_the_loop() -> None:
    """Whatever it is, the stream is closed, and the wait before the next try grows."""
    stream = Closed(ValueError("port"), MemoryError(), OSError("connect: refused"))
    rig = Rig(stream)
    await rig.until_opened(stream, 4)
    assert rig.downs == ["fault", "fault", "connect: refused"]
    assert rig.link.client is None
    assert rig.link.misses == 3
    assert rig.link._backoff._base == 8_000
