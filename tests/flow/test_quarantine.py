"""What an operator takes out of quarantine goes the way of any message: stored once, receipted, a case for the desk."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud import clock
from protocol import messages
from tests.flow.parts import add_terminal, client, environment, press, scalar, stored_presses, until, up

if TYPE_CHECKING:
    from pathlib import Path

    import aiomqtt

    from tests.flow.conftest import Walk

BY = ("--by", "after-sales 3")
LATE = "BJCY000002"  # at the broker, and not yet in the registry


async def test_a_bad_press_is_listed_corrected_and_taken_and_its_receipt_reaches_the_terminal(
    walk: Walk, tmp_path: Path
) -> None:
    """A press of a moment ago; its terminal's resend of the same afterwards changes nothing."""
    for name in ("ingest", "send", "sweep"):
        await walk.service(name).start()
    good = press("0badcafe.1.1", clock.now(), {})
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
        await terminal.publish(up("press", walk.device_id), good.replace(b'"sos"', b'"SOS!"'), qos=1)
        await heard(terminal, "receipt")  # of the refusal: the terminal may forget what it can't say better
        (row,) = (await onekey(walk, "list", "--json"))["messages"]
        assert (row["kind"], row["reason"], row["field"], row["device"]) == ("press", "value", "key", walk.device_id)
        number, file = str(row["number"]), tmp_path / "said.json"
        await onekey(walk, "show", number, "--out", str(file), "--json")
        file.write_bytes(file.read_bytes().replace(b'"SOS!"', b'"sos"'))
        await onekey(walk, "correct", number, str(file), *BY, "--why", "a key's name in capitals")
        done = await onekey(walk, "replay", number, *BY, "--json")
        assert done == {"replayed": {"stored": 1}, "refused": []}
        got = await heard(terminal, "receipt", "route")
        assert (got["receipt"]["of"], got["route"]["ref"]) == (["0badcafe.1.1"], "0badcafe.1.1")
        await terminal.publish(up("press", walk.device_id), good, qos=1)
        await heard(terminal, "receipt")
    assert [(device, id_) for device, id_, _ in await stored_presses(walk.database)] == [
        (walk.device_id, "0badcafe.1.1")
    ]
    assert await scalar(walk.database, "select sum(presses) from device_day") == 1
    assert await scalar(walk.database, "select count(*) from case_file where not late") == 1
    assert (await onekey(walk, "list", "--json"))["messages"] == []


async def test_a_press_of_hours_ago_is_receipted_and_recorded_and_rings_nobody(walk: Walk) -> None:
    """Two people take it at the same moment; it is there once."""
    for name in ("ingest", "send", "sweep"):
        await walk.service(name).start()
    password = "of-a-board-that-came-first"
    walk.broker.add_user(LATE, password)
    pressed = clock.now() - timedelta(hours=5)
    async with client(LATE, password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{LATE}", qos=1)
        await terminal.publish(up("press", LATE), press("0badcafe.1.1", pressed, {}), qos=1)

        async def kept() -> bool:
            return bool(await scalar(walk.database, "select count(*) from quarantine"))

        await until(kept, "the press of a stranger is kept")
        await add_terminal(walk.database, LATE, clock.now())
        words = ("replay", "--kind", "press", "--reason", "unknown_device", *BY, "--json")
        both = await asyncio.gather(onekey(walk, *words), onekey(walk, *words))
        assert sum(each["replayed"].get("stored", 0) for each in both) == 1
        got = await heard(terminal, "receipt")
        assert got["receipt"]["of"] == ["0badcafe.1.1"]
    assert len(await stored_presses(walk.database)) == 1
    assert await scalar(walk.database, "select count(*) from case_file where late") == 1
    assert await scalar(walk.database, "select count(*) from down where kind <> 'receipt'") == 0


async def heard(terminal: aiomqtt.Client, *kinds: str) -> dict[str, dict[str, Any]]:
    """The next message of each of these kinds."""
    found: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(30):
        async for message in terminal.messages:
            kind = str(message.topic).split("/")[3]
            assert isinstance(message.payload, bytes)
            found[kind] = messages.decode("down", kind, message.payload)
            if set(kinds) <= found.keys():
                break
    return found


async def onekey(walk: Walk, *words: str) -> Any:
    """The command as its own process; what it says, where that is JSON."""
    command = [sys.executable, "-m", "tools", "quarantine", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment(walk.database, walk.broker.port), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout) if "--json" in words else done.stdout
