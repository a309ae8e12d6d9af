"""Presses one by one, and when their routes came; beside them what only goes through a broker and a table.

In: a broker, terminals. Out: milliseconds of each press from its PUBLISH to the route on the terminal's topic, and of
each echo. Every press is written to a file before it is published. The two take turns at random moments, so that both
see the same machine.
"""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from protocol import messages
from tools.bench import echo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ANSWER_S = 60.0  # for the last of them
BOOT = 9  # of the ids of presses


@dataclass
class Taken:
    """Milliseconds of one phase, in the order of the sending; None: no answer came."""

    ours: list[float | None] = field(default_factory=list)
    bare: list[float | None] = field(default_factory=list)


class Presses:
    """All terminals behind one connection: what the broker does for them is the same. `phase` any number of times."""

    def __init__(self, port: int, devices: Sequence[str], path: Path, seed: int) -> None:
        self.sent: set[tuple[Any, ...]] = set()
        self._devices = devices
        self._path = path
        self._draw = random.Random(seed)
        self._number = 0
        self._left: dict[str, float] = {}
        self._came: dict[str, float] = {}
        self._news = threading.Condition()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="presses", protocol=MQTTProtocolVersion.MQTTv311)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        echo.no_wait(self._client)
        self._client.subscribe([("okc/v1/down/route/+", 1), (echo.DOWN, 1)])
        self._client.loop_start()

    def close(self) -> None:
        """No more."""
        self._client.disconnect()
        self._client.loop_stop()

    def phase(self, count: int, per_s: float) -> Taken:
        """So many presses, and as many echoes, so many of both in a second."""
        names: dict[str, list[str]] = {"ours": [], "bare": []}
        turns = ["ours", "bare"] * count
        due = time.perf_counter()
        for turn in turns:
            # As people press: by chance, so that no beat of the load is always or never met.
            due += self._draw.expovariate(per_s)
            time.sleep(max(0.0, due - time.perf_counter()))
            names[turn].append(self._press() if turn == "ours" else self._echo())
        every = names["ours"] + names["bare"]
        with self._news:
            self._news.wait_for(lambda: all(name in self._came for name in every), ANSWER_S)
            return Taken(*([self._took(name) for name in names[turn]] for turn in ("ours", "bare")))

    def _took(self, name: str) -> float | None:
        return (self._came[name] - self._left[name]) * 1000 if name in self._came else None

    def _press(self) -> str:
        device_id = self._devices[self._number % len(self._devices)]
        self._number += 1
        name, at = f"0badcafe.{BOOT}.{self._number}", {"t": int(time.time()), "u": 60_000, "s": 60_000}
        row = (device_id, name, "sos", self._draw.randint(1_000, 2_500))
        with self._path.open("a", encoding="ascii") as file:
            file.write(json.dumps(row) + "\n")
        self.sent.add(row)
        fields = {"id": name, **at, "key": row[2], "hold": row[3], "how": "hold"}
        self._publish(name, f"okc/v1/up/press/{device_id}", messages.encode("up", "press", fields))
        return name

    def _echo(self) -> str:
        self._number += 1
        name = f"echo{self._number}"
        self._publish(name, echo.UP, name.encode())
        return name

    def _publish(self, name: str, topic: str, payload: bytes) -> None:
        self._left[name] = time.perf_counter()
        self._client.publish(topic, payload, qos=1)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now, payload = time.perf_counter(), bytes(message.payload)
        route = message.topic != echo.DOWN
        name = str(messages.decode("down", "route", payload)["ref"]) if route else payload.decode()
        with self._news:
            self._came.setdefault(name, now)
            self._news.notify_all()
