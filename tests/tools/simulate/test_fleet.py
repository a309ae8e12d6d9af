"""A small fleet on a real broker, with a cloud that only receipts and routes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt

from protocol import messages, topics
from tests.fixtures.broker import CLOUD_PASSWORD, CLOUD_USER, Mosquitto
from tools.simulated.fleet import Fleet
from tools.simulated.household import Pace
from tools.simulated.terminal import Link

PASSWORD = "p"
FAST = Pace(route_wait=3.0, ring=0.01, talk=0.02)
DEADLINE_S = 20.0
FAMILY_THEN_DESK = [["家人", "13800000001", 20, 0], ["坐席", "01055500001", 20, 1]]


class Cloud:
    """What came up, by kind; receipts unless told to keep quiet; a route for every press."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        self.receipts = True

    async def serve(self) -> None:
        async for message in self.client.messages:
            _, kind, device = topics.parse(str(message.topic))
            assert isinstance(message.payload, bytes)
            fields = messages.decode("up", kind, message.payload)
            self.heard.append((device, kind, fields))
            if kind in {"hb", "state"} or not self.receipts:
                continue
            await self.tell(device, "receipt", of=[fields["id"]])
            if kind == "press" and fields["key"] != "cancel":
                exp = int(time.time()) + 60
                await self.tell(device, "route", ref=fields["id"], case="c1", ver=1, plan=FAMILY_THEN_DESK, exp=exp)

    async def tell(self, device: str, kind: str, **fields: Any) -> None:
        await self.client.publish(topics.build("down", kind, device), messages.encode("down", kind, fields), qos=1)

    def kinds(self) -> Counter[str]:
        """Kinds, every id of a terminal once."""
        return Counter(kind for _, _, kind in {(device, fields["id"], kind) for device, kind, fields in self.heard})

    def steps(self, device: str) -> list[str]:
        return [fields["step"] for name, kind, fields in self.heard if kind == "call" and name == device]


@asynccontextmanager
async def _cloud(broker: Mosquitto) -> AsyncIterator[Cloud]:
    async with aiomqtt.Client("127.0.0.1", broker.port, username=CLOUD_USER, password=CLOUD_PASSWORD) as client:
        await client.subscribe(topics.CLOUD_FILTER, qos=1)
        cloud = Cloud(client)
        serving = asyncio.ensure_future(cloud.serve())
        try:
            yield cloud
        finally:
            if serving.done():
                serving.result()  # it never ends by itself: say why it did
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def _passwords(broker: Mosquitto, count: int) -> dict[str, str | None]:
    passwords: dict[str, str | None] = {f"SIM{number:06d}": PASSWORD for number in range(1, count + 1)}
    for name in passwords:
        broker.add_user(name, PASSWORD)
    return passwords


async def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def test_a_fleet_boots_presses_calls_and_every_message_is_receipted(broker: Mosquitto, tmp_path: Path) -> None:
    """What was written down before it was sent, what arrived and what was receipted are the same messages."""
    passwords = _passwords(broker, 5)
    async with _cloud(broker) as cloud:
        link = Link("127.0.0.1", broker.port)
        fleet = Fleet(passwords, link, sent=tmp_path / "sent", pace=FAST)
        async with fleet:
            assert await fleet.connected(DEADLINE_S)
            for terminal in fleet.terminals.values():
                terminal.press("sos")
            assert await fleet.settled(DEADLINE_S)
            counted = fleet.summary()
        written = [json.loads(line) for line in (tmp_path / "sent").read_text(encoding="utf-8").splitlines()]
        arrived = {(device, fields["id"]) for device, kind, fields in cloud.heard if kind not in {"hb", "state"}}
        assert {(line["device"], line["id"]) for line in written} == arrived
        assert len(written) == sum(counted["sent"].values()) == counted["receipts"]
        assert (counted["sent"]["boot"], counted["sent"]["press"], counted["routes"]) == (5, 5, 5)
        assert (counted["outstanding"], counted["dropped"], counted["bad_down"]) == (0, 0, 0)
        for name in fleet.terminals:
            assert cloud.steps(name)[:2] == ["dial", "ring"]
            assert cloud.steps(name)[-1] in {"end", "fail"}
        await _until(lambda: _last_states(cloud) == {"offline"})


def _last_states(cloud: Cloud) -> set[str]:
    return set({device: fields["st"] for device, kind, fields in cloud.heard if kind == "state"}.values())


async def test_without_receipts_nothing_is_forgotten_and_a_new_connection_sends_it_again(broker: Mosquitto) -> None:
    """The broker restarts; the same ids come again, with the content of the first time."""
    lines: list[dict[str, Any]] = []
    passwords = _passwords(broker, 1)
    link = Link("127.0.0.1", broker.port)
    async with Fleet(passwords, link, pace=FAST, tell=lines.append) as fleet:
        async with _cloud(broker) as cloud:
            cloud.receipts = False
            await _until(lambda: cloud.kinds()["boot"] == 1)
            first = next(fields for _, kind, fields in cloud.heard if kind == "boot")
        broker.stop()
        await _until(lambda: any(line.get("note") == "disconnected" for line in lines))
        broker.start()
        async with _cloud(broker) as cloud:
            await _until(lambda: fleet.outstanding == 0 and cloud.kinds()["boot"] == 1)
            again = next(fields for _, kind, fields in cloud.heard if kind == "boot")
        assert {**again, "s": 0} == {**first, "s": 0}
        assert fleet.counts.resent >= 1


async def test_a_configuration_is_applied_reported_and_not_applied_twice(broker: Mosquitto) -> None:
    """Its version stands in the next heartbeat, its plan is dialled where no route comes."""
    async with (
        _cloud(broker) as cloud,
        Fleet(_passwords(broker, 1), Link("127.0.0.1", broker.port), pace=FAST) as fleet,
    ):
        assert await fleet.connected(DEADLINE_S)
        (name,) = fleet.terminals
        for _ in range(2):
            await cloud.tell(name, "config", ver=7, hb=600, plan={"sos": FAMILY_THEN_DESK})
        await _until(lambda: any(kind == "hb" and fields["cfg"] == 7 for _, kind, fields in cloud.heard))
        await cloud.tell(name, "cmd", cid="c9", do="ota", exp=int(time.time()) + 60)
        await _until(lambda: cloud.kinds()["result"] == 1)
        assert fleet.counts.configs == 1
        applied = [fields["val"] for _, kind, fields in cloud.heard if kind == "event"]
        assert applied == [7]


async def test_cancel_ends_the_calls_and_the_lamp_shows_the_desks_word(broker: Mosquitto) -> None:
    """Accepted lights the lamp; cancel refers to the press; words for another press change nothing."""
    lines: list[dict[str, Any]] = []
    slow = Pace(route_wait=3.0, ring=60.0)
    passwords, link = _passwords(broker, 1), Link("127.0.0.1", broker.port)
    async with _cloud(broker) as cloud:
        fleet = Fleet(passwords, link, pace=slow, tell=lines.append)
        async with fleet:
            assert await fleet.connected(DEADLINE_S)
            (terminal,) = fleet.terminals.values()
            ref = terminal.press("sos")
            await _until(lambda: any(line.get("lamp") == "ringing" for line in lines))
            exp = int(time.time()) + 60
            await cloud.tell(terminal.device_id, "desk", ref="00000000.1.1", st="on_the_way", exp=exp)
            await cloud.tell(terminal.device_id, "desk", ref=ref, st="accepted", exp=exp)
            await _until(lambda: any(line.get("lamp") == "accepted" for line in lines))
            terminal.press("cancel", 200)
            assert await fleet.settled(DEADLINE_S)
        assert not any(line.get("lamp") == "on_the_way" for line in lines)
        cancels = [fields["ref"] for _, kind, fields in cloud.heard if kind == "press" and fields["key"] == "cancel"]
        events = [(fields["ev"], fields["ref"]) for _, kind, fields in cloud.heard if kind == "event"]
        assert (cancels, events) == ([ref], [("ladder_cancelled", ref)])


async def test_the_command_ends_in_order_on_sigterm(broker: Mosquitto, tmp_path: Path) -> None:
    """`ready`, then one object of counts, exit code 0, every terminal said goodbye."""
    rows = "".join(f"{name},{word}\n" for name, word in _passwords(broker, 3).items())
    (tmp_path / "credentials.csv").write_text("device_id,password\n" + rows, encoding="utf-8")
    words = ["--broker", f"127.0.0.1:{broker.port}", "--terminals", "3", "--credentials", "credentials.csv"]
    async with _cloud(broker) as cloud:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *["-m", "tools", "simulate", *words, "--interval", "0.2"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), DEADLINE_S) == b"ready\n"
        await _until(lambda: cloud.kinds()["hb"] >= 6)
        process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 0
        counted = json.loads(out)
        assert (counted["terminals"], counted["connected"], counted["receipts"]) == (3, 3, 3)
        await _until(lambda: _last_states(cloud) == {"offline"})


async def test_several_processes_with_a_cut_and_a_storm_are_one_fleet(broker: Mosquitto, tmp_path: Path) -> None:
    """One object of counts; what both wrote down before sending is what arrived."""
    rows = "".join(f"{name},{word}\n" for name, word in _passwords(broker, 6).items())
    (tmp_path / "credentials.csv").write_text("device_id,password\n" + rows, encoding="utf-8")
    words = ["--broker", f"127.0.0.1:{broker.port}", "--terminals", "6", "--credentials", "credentials.csv"]
    weather = ["--control", "--pace", "0.005", "--sent", "sent", "--processes", "2", "--seed", "7"]
    async with _cloud(broker) as cloud:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *["-m", "tools", "simulate", *words, *weather],
            cwd=tmp_path,
            env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        assert await asyncio.wait_for(process.stdout.readline(), DEADLINE_S) == b"ready\n"
        process.stdin.write(b"storm 20 0.5\ncut 1 0.2\n")
        await _until(lambda: cloud.kinds()["press"] == 10 and cloud.kinds()["event"] >= 12)
        process.stdin.write(b"count\n")
        counted = json.loads(await asyncio.wait_for(process.stdout.readline(), DEADLINE_S))
        assert (counted["terminals"], counted["sent"]["press"], counted["cuts"]) == (6, 10, 6)
        process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 0
        assert json.loads(out.splitlines()[-1])["terminals"] == 6
        written = [json.loads(line) for line in (tmp_path / "sent").read_text(encoding="utf-8").splitlines()]
        arrived = {(device, fields["id"]) for device, kind, fields in cloud.heard if kind not in {"hb", "state"}}
        assert {(line["device"], line["id"]) for line in written} == arrived
