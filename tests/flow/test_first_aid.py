"""Somebody of the after-sales team asks a terminal to test itself: through sender, broker and ingest, and back."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cloud import clock
from protocol import messages
from tests.flow.parts import DATA_KEY, beat, client, scalar, until, up
from tools.device import app

if TYPE_CHECKING:
    import aiomqtt

    from tests.flow.conftest import Walk

BY = ("--by", "王维修")


@pytest.fixture
def office(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """Where the command is typed."""
    monkeypatch.setenv("OKC_DATABASE_URL", walk.database)
    monkeypatch.setenv("OKC_DATA_KEY", DATA_KEY)
    return walk


def onekey(*words: str) -> Any:
    return CliRunner().invoke(app, [*words])


async def seen(walk: Walk, terminal: aiomqtt.Client) -> None:
    """It was heard of once."""
    await terminal.publish(up("hb", walk.device_id), beat("0badcafe.1.1", clock.now()), qos=1)

    async def known() -> bool:
        return bool(await scalar(walk.database, "select count(*) = 1 from device_state"))

    await until(known, "the heartbeat is stored")


async def next_command(terminal: aiomqtt.Client) -> dict[str, Any]:
    async for message in terminal.messages:
        if "/down/cmd/" in str(message.topic):
            assert isinstance(message.payload, bytes)
            return messages.decode("down", "cmd", message.payload)
    raise AssertionError("no command came")


def answer(cid: Any, number: int, st: str, vals: list[list[Any]]) -> bytes:
    fields = {"id": f"0badcafe.1.{number}", "t": int(time.time()), "u": 90_000, "s": 90_000, "cid": cid, "st": st}
    return messages.encode("up", "result", fields | {"vals": vals})


async def test_a_command_goes_out_its_answer_comes_back_and_is_told_in_words(office: Walk) -> None:
    """And is not sent again after that."""
    for name in ("ingest", "send"):
        await office.service(name).start()
    async with client(office.device_id, office.password, office.broker.port) as terminal, asyncio.timeout(120):
        await terminal.subscribe(f"okc/v1/down/+/{office.device_id}", qos=1)
        await seen(office, terminal)
        asking = asyncio.ensure_future(
            asyncio.to_thread(onekey, "tell", office.device_id, "selftest", *BY, "--wait", "60", "--json")
        )
        command = await next_command(terminal)
        assert command["do"] == "selftest"
        payload = answer(command["cid"], 2, "failed", [["failed", 1], ["csq", 9]])
        await terminal.publish(up("result", office.device_id), payload, qos=1)
        done = await asking
    assert done.exit_code == 77, done.output
    told = json.loads(done.stdout)
    assert (told["stands"], told["figures"], told["asked_by"]) == ("failed", {"failed": 1, "csq": 9}, BY[1])
    listed = await asyncio.to_thread(onekey, "told", office.device_id)
    assert "故障部件：通信模块" in listed.stdout
    query = "select answered_at is not null and again_at is null from down where kind = 'cmd'"
    assert await scalar(office.database, query)


async def test_a_terminal_that_does_not_answer_is_said_to_be_silent_and_the_command_goes_on(office: Walk) -> None:
    """Nobody waits for ever; and a second click is told that the first is under way."""
    ingest = office.service("ingest")
    await ingest.start()
    async with client(office.device_id, office.password, office.broker.port) as terminal:
        await seen(office, terminal)
    done = await asyncio.to_thread(onekey, "tell", office.device_id, "reboot", *BY, "--wait", "0")
    assert done.exit_code == 78
    assert "等待设备应答" in done.stdout
    again = await asyncio.to_thread(onekey, "tell", office.device_id, "reboot", *BY, "--wait", "0")
    assert again.exit_code == 2
    assert "正在执行" in again.stderr
    assert await scalar(office.database, "select count(*) from device_command") == 1
