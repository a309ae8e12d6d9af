"""The loop that keeps the session up: what counts as a failure, and what does not."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from firmware.core.backoff import REFUSED_FIRST_MS
from firmware.net import link as link_module
from firmware.net import mqtt, packets
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


async def test_a_server_that_says_no_is_left_alone_for_a_minute_and_more() -> None:
    """A better line makes no difference to it; a new date may."""
    stream = Closed(*[OSError("certificate: expired") for _ in range(3)])
    rig = Rig(stream)
    rig.link.draw = lambda: 32_768
    waits: list[int] = []

    async def wait(pause_ms: int) -> None:
        waits.append(pause_ms)
        rig.link._kicked.clear()
        rig.link.kick()
        assert not rig.link._kicked.is_set()
        rig.link.changed()
        assert rig.link._kicked.is_set()
        rig.link._kicked.clear()

    rig.link._wait = wait  # type: ignore[method-assign]
    await rig.until_opened(stream, 4)
    assert [round(one / REFUSED_FIRST_MS) for one in waits] == [1, 2, 4]
    assert rig.link.misses == 3  # so that every fifth try goes to the server of the factory


@pytest.mark.parametrize(
    ("ends", "who"),
    [
        (["refused"], "broker"),
        (["certificate: expired"], "certificate"),
        (["host: not in the certificate"], "certificate"),
        (["handshake: MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"], "handshake"),
        (["handshake: closed"], ""),
        (["handshake: closed"] * 3, "handshake"),
        (["handshake: closed", "connect: refused", "handshake: closed", "handshake: closed"], ""),
        (["handshake: too slow"] * 4, ""),
        (["connect: refused"], ""),
        (["closed"], ""),
    ],
)
def test_who_said_no_is_told_from_a_line_that_broke(ends: list[str], who: str) -> None:
    """A radio that is lost in the handshake is no refusal; a server that hangs up three times in a row is one."""
    link = Rig(Closed()).link
    for why in ends:
        link.refusal = link._judge(why)
    assert link.refusal == who


class Up(OpenStream):
    """A broker that accepts whatever comes."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.told: list[int] = []  # kinds of packets

    async def open(self, host: str, port: int, apn: str) -> None:
        self.opened.append(host)
        self.pieces = asyncio.Queue()

    async def read(self, most: int) -> bytes:
        return await self.pieces.get()

    async def write(self, data: bytes) -> None:
        self.told.append(data[0] >> 4)
        if data[0] >> 4 == packets._CONNECT:
            self.pieces.put_nowait(packets.frame(packets.CONNACK, 0, b"\x01\x00"))
        elif data[0] >> 4 == packets._SUBSCRIBE:
            self.pieces.put_nowait(packets.frame(packets.SUBACK, 0, data[2:4] + b"\x01"))

    async def close(self) -> None:
        pass


async def test_a_new_server_is_gone_to_when_the_line_is_idle_and_not_in_an_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a good-bye, so that the server that is left tells that we are gone; without a wait, and as no failure."""
    monkeypatch.setattr(link_module, "_LOOK_S", 0.005)
    monkeypatch.setattr(link_module, "_IDLE_MS", 20)
    stream, host, alarm = Up(), "a", True
    rig = Rig(Closed())
    link = rig.link
    link.stream = stream
    link.ms = lambda: int(asyncio.get_running_loop().time() * 1000)
    link.where = lambda: (host, 1, "apn")
    link.wanted = lambda: alarm and link.client is not None

    async def up(client: mqtt.Client) -> None:
        pass

    link.on_up = up
    task = asyncio.create_task(link.run())
    async with asyncio.timeout(5):
        while link.client is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        host = "b"
        await asyncio.sleep(0.2)
        assert stream.opened == ["a"]  # an alarm is open
        alarm = False
        while stream.opened != ["a", "b"]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert rig.downs[0] == link_module._MOVED
    assert (link.failures, link.misses) == (0, 0)
    assert 14 not in stream.told  # no DISCONNECT
