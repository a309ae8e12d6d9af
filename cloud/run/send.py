"""`onekey serve send`: what must be told to terminals. Publishes the rows of `down`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloud.devices import store as devices
from cloud.down.send import Sender
from cloud.run import watch
from cloud.run.process import run
from cloud.sealed import Box

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloud.db import Conn
    from cloud.settings import Settings


async def main(settings: Settings, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    sender = Sender(settings, Box(settings.data_key_bytes), _beat)

    async def check() -> dict[str, list[str]]:
        return {"send": sender.wrong(asyncio.get_running_loop().time())}

    async with watch.beside(settings, "send", [sender.tally], check):
        await sender.run(ready)


async def _beat(conn: Conn, now: datetime, counted: dict[str, int], present: dict[str, float]) -> None:
    await devices.beat(conn, "send", now, counted, present)


if __name__ == "__main__":
    run(main)
