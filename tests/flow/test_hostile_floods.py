"""Too much, too long, malformed, somebody else's, old: a thief's messages against broker and ingest as they run.

What must hold each time: the same broker and ingest go on, and a neighbour's press is stored and receipted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud import clock
from protocol import messages
from tests.flow.parts import beat, press, scalar, until, up
from tests.flow.siege import NEIGHBOUR, THIEF, connect, siege
from tools.broker.config import PACKET_BYTES_MAX

if TYPE_CHECKING:
    from tests.flow.parts import Service
    from tests.flow.siege import Siege

__all__ = ["siege"]

FLOOD_OF_BEATS = 4_000
FLOOD_OF_ALARMS = 300  # each is looked at alone, as a press is


def text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def packet(head: int, body: bytes) -> bytes:
    length, out = len(body), b""
    while True:
        length, low = length >> 7, length & 127
        out += bytes((low | (128 if length else 0),))
        if not length:
            return bytes((head,)) + out + body


def publish(topic: bytes, payload: bytes, *, qos: int = 0, mid: int = 1) -> bytes:
    return packet(0x30 | qos << 1, text(topic) + (mid.to_bytes(2, "big") if qos else b"") + payload)


OWN = up("press", THIEF).encode()
MALFORMED = {
    "a length without end": b"\x30\xff\xff\xff\xff\xff\x01",
    "a packet of kind 0": packet(0x00, b""),
    "a packet of kind 15": packet(0xF0, b""),
    "a second CONNECT": connect(THIEF, THIEF, "x"),
    "QoS 3": packet(0x36, text(OWN) + b"\x00\x01{}"),
    "QoS 2": publish(OWN, b"{}", qos=2),
    "packet id 0": publish(OWN, b"{}", qos=1, mid=0),
    "a topic with a wildcard": publish(b"okc/v1/up/+/" + THIEF.encode(), b"{}"),
    "a topic that is no UTF-8": publish(b"okc/v1/up/press/\xff\xfe", b"{}"),
    "a topic longer than its packet": packet(0x30, b"\xff\xff" + OWN),
    "no topic": publish(b"", b"{}"),
    "SUBSCRIBE with wrong flags": packet(0x80, b"\x00\x01" + text(b"#") + b"\x01"),
    "SUBSCRIBE to nothing": packet(0x82, b"\x00\x01"),
    "SUBSCRIBE with QoS 7": packet(0x82, b"\x00\x01" + text(b"#") + b"\x07"),
    "SUBSCRIBE to half a wildcard": packet(0x82, b"\x00\x01" + text(b"okc#") + b"\x01"),
    "what only a server says": packet(0x20, b"\x00\x00"),
}


async def is_served(siege: Siege, number: int) -> None:
    """A neighbour's press is stored and receipted."""
    message_id = f"0badcafe.9.{number}"
    async with siege.terminal(NEIGHBOUR) as neighbour, asyncio.timeout(60):
        await neighbour.subscribe(f"okc/v1/down/+/{NEIGHBOUR}", qos=1)
        await neighbour.publish(up("press", NEIGHBOUR), press(message_id, clock.now(), {}), qos=1)
        async for message in neighbour.messages:
            assert isinstance(message.payload, bytes)
            kind = str(message.topic).split("/")[3]
            told: dict[str, Any] = messages.decode("down", kind, message.payload)
            if kind == "receipt" and message_id in told["of"]:
                return
    raise AssertionError


def all_alive(siege: Siege, services: list[Service]) -> bool:
    processes = [siege.broker.process, *(service.process for service in services)]
    return all(process is not None and process.poll() is None for process in processes)


async def test_a_flood_of_one_terminal_delays_nobody_for_long(siege: Siege) -> None:
    """As fast as the line takes it, on every lane; the ones who are ill do not wait behind it."""
    services = await siege.serve("ingest", "send")

    def flood() -> None:
        with siege.line(THIEF) as line:
            for number in range(FLOOD_OF_BEATS):
                line.sendall(publish(up("hb", THIEF).encode(), beat(f"0badcafe.1.{number}", clock.now())))
                if number < FLOOD_OF_ALARMS:
                    line.sendall(publish(up("event", THIEF).encode(), b"not json %d" % number, qos=1, mid=number + 1))
                    line.sendall(publish(OWN, press(f"0badcafe.2.{number}", clock.now(), {})))

    flooding = asyncio.ensure_future(asyncio.to_thread(flood))
    for number in range(1, 6):
        await is_served(siege, number)
    with contextlib.suppress(OSError):  # nobody reads the answers, so the broker may end the line
        await flooding
    await is_served(siege, 6)
    assert all_alive(siege, services)
    presses = "select count(*) from message where kind = 'press' and device_id = %s"
    assert await scalar(siege.database, presses, NEIGHBOUR) == 6


async def test_what_is_too_long_ends_the_line_and_reaches_nobody(siege: Siege) -> None:
    """One byte less is handed on, and refused by the cloud."""
    services = await siege.serve("ingest", "send")
    head = len(publish(OWN, b""))

    def longest(more: int) -> bytes:
        with contextlib.suppress(OSError), siege.line(THIEF) as line:
            line.sendall(publish(OWN, b"x" * (PACKET_BYTES_MAX - head - 8 + more)) + packet(0xC0, b""))
            return line.recv(2)
        return b""

    assert await asyncio.to_thread(longest, 0) == b"\xd0\x00"
    assert await asyncio.to_thread(longest, 1_000) == b""
    assert await asyncio.to_thread(longest, 200_000) == b""
    await is_served(siege, 1)
    assert all_alive(siege, services)
    assert await scalar(siege.database, "select array_agg(reason) from quarantine") == ["size"]


async def test_no_malformed_packet_harms_anybody(siege: Siege) -> None:
    """Before the log-in and after it, well aimed and at random."""
    services = await siege.serve("ingest", "send")
    rng = random.Random(5)

    def say(data: bytes, name: str) -> None:
        with contextlib.suppress(OSError), siege.line(name) as line:
            line.sendall(data)  # and hangs up: the broker reads what came, then the end

    def attack() -> None:
        for data in MALFORMED.values():
            say(data, THIEF)
            say(data, "")
        for _ in range(60):
            whole = connect(THIEF, THIEF, siege.passwords[THIEF])
            say(whole[: rng.randrange(len(whole))] + rng.randbytes(rng.randrange(1, 40)), "")
            say(rng.randbytes(rng.randrange(2, 400)), THIEF)

    await asyncio.to_thread(attack)
    await is_served(siege, 1)
    assert all_alive(siege, services)
    assert await siege.admits(THIEF)


async def test_what_refers_to_anothers_press_or_repeats_old_messages_changes_nothing(siege: Siege) -> None:
    """A neighbour's case has no facts of a thief's; a replayed boot, press or call is what it was."""
    services = await siege.serve("ingest", "send")
    await is_served(siege, 1)
    facts = "select array_agg(f::text order by f::text) from case_fact f where device_id = %s"
    before = await scalar(siege.database, facts, NEIGHBOUR)
    now, sent = clock.now(), dict[str, dict[str, Any]]()
    common: dict[str, object] = {"t": int(now.timestamp()), "u": 70_000, "s": 70_001}
    call = common | {"id": "0badcafe.2.8", "ref": "0badcafe.9.1", "step": "talk", "to": "nobody"}
    old_boot = common | {"id": "0badcafe.1.1", "fw": "0.0.1", "board": "old", "cause": "power", "cfg": 9}
    boot = common | {"id": "0badcafe.3.1", "fw": "1.0.0", "board": "new", "cause": "power", "cfg": 0}
    late = press("0badcafe.1.2", now - timedelta(days=3), sent)
    async with siege.terminal(THIEF) as thief:
        for kind, payload in (
            ("boot", messages.encode("up", "boot", boot)),
            ("call", messages.encode("up", "call", call)),
            ("boot", messages.encode("up", "boot", old_boot)),
            ("press", late),
            ("press", late),
            ("boot", messages.encode("up", "boot", boot)),
            ("press", press("0badcafe.3.9", now, sent)),
        ):
            await thief.publish(up(kind, THIEF), payload, qos=1)

    async def last_is_stored() -> bool:
        return bool(await scalar(siege.database, "select count(*) = 1 from message where id = '0badcafe.3.9'"))

    await until(last_is_stored, "everything before it was looked at")
    of = "select %s from device_state where device_id = '" + THIEF + "'"
    assert await scalar(siege.database, of % "array[boot_count, config_version, duplicates, late]") == [3, 0, 2, 1]
    assert await scalar(siege.database, of % "board") == "new"
    assert await scalar(siege.database, "select array_agg(reason || ' ' || field) from quarantine") == ["foreign ref"]
    assert (
        await scalar(siege.database, "select count(*) from down where kind = 'route' and of_id = '0badcafe.1.2'") == 0
    )
    assert await scalar(siege.database, facts, NEIGHBOUR) == before
    await is_served(siege, 2)
    assert all_alive(siege, services)
