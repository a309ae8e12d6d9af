"""What the broker says of itself: sessions, what it holds for whom is away, what it had to drop.

In: its own topics, through the inner door, with the right to read nothing else. Out: a tally of the present and what is
wrong with it. Never a reason to stop: who follows the registry does so without them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiomqtt

from cloud.tally import Tally
from tools.broker.config import MONITOR

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

log = logging.getLogger(__name__)

TOPICS = "$SYS/broker/"
# What is read of it, and its name in /metrics (cloud/run/watch.py).
FIGURES = {
    "clients/connected": "broker_clients",
    "clients/total": "broker_sessions",
    "store/messages/count": "broker_held",
    "store/messages/bytes": "broker_held_bytes",
    "publish/messages/dropped": "broker_dropped",
    "heap/current": "broker_heap_bytes",
}
CLIENT_ID = "okc-monitor"
QUIET_S = 35.0  # three times what it is configured to tell them in (`sys_interval`), and a little
AGAIN_S = 2.0


@dataclass(frozen=True)
class Door:
    """Where the cloud comes in; `tls` is None in the clear."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class Figures:
    """The latest of each. `run` until cancelled."""

    def __init__(self) -> None:
        self.tally = Tally("broker")
        self.tally.look = lambda: dict(self._latest)
        self._latest: dict[str, float] = {}
        self._heard_at: float | None = None

    def wrong(self, loop_now: float) -> list[str]:
        """What is not as it should be."""
        quiet = self._heard_at is None or loop_now - self._heard_at > QUIET_S
        return ["the broker says nothing of itself"] if quiet else []

    async def run(self, folder: Path, door: Door) -> None:
        """Listen at this door with the password in this folder, and again after every loss."""
        while True:
            try:
                word = (folder / f"{MONITOR}.password").read_text(encoding="utf-8").strip()
                async with aiomqtt.Client(
                    door.host, door.port, username=MONITOR, password=word, identifier=CLIENT_ID, tls_context=door.tls
                ) as client:
                    await client.subscribe(f"{TOPICS}#")
                    async for message in client.messages:
                        self.hear(str(message.topic), message.payload)
            except (aiomqtt.MqttError, OSError) as error:
                log.warning("no figures of the broker: %s", type(error).__name__)
            self._latest.clear()  # of a broker that may be gone
            await asyncio.sleep(AGAIN_S)

    def hear(self, topic: str, payload: object) -> None:
        """One topic's word. What is no figure of ours shows that it lives: Mosquitto tells only what changes."""
        self._heard_at = asyncio.get_running_loop().time()
        name = FIGURES.get(topic.removeprefix(TOPICS))
        if name is None or not isinstance(payload, bytes):
            return
        with contextlib.suppress(ValueError):
            self._latest[name] = float(payload)
