"""A stream of heartbeats at an even pace, as a process of its own: so light that it does not measure itself.

In: a JSON object of `Stream` as the only argument. Out: heartbeats on the broker, each written down in a file before
it is published; at SIGTERM, when the broker has all of them, a JSON object of what was sent. It keeps its pace: where
the broker is slow, more is under way, up to a bound that is then told as `held_back`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from protocol import messages
from tools.bench.ingest import KEPT, ROOT, Sizes, beats
from tools.embedded import children
from tools.simulated import packets

UNDER_WAY_MAX = 20_000  # of 65,535 packet ids: one must not come again while it is under way
TICK_S = 0.005
READ_MAX = 65_536
BODIES = 1_000  # drawn beforehand, and used in turn under new ids: drawing each would cost more than sending it
CLIENT_ID = "LOAD000001"
ANSWER_S = 30.0


@dataclass(frozen=True)
class Stream:
    """One run."""

    port: int
    rate: float
    devices: int
    boot: int
    seed: int
    path: str


@dataclass(frozen=True)
class Body:
    """A heartbeat without its id: bytes around it, and what is written down."""

    head: bytes
    tail: bytes
    kept: bytes


def bodies(seed: int) -> list[Body]:
    """Drawn once."""
    found = []
    for _, fields in beats(Sizes(BODIES, 1, seed), 1):
        name = str(fields["id"]).encode()
        head, _, tail = messages.encode("up", "hb", fields).partition(name)
        found.append(Body(head, tail, json.dumps([fields[each] for each in KEPT])[1:].encode()))
    return found


class _Sender:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._bodies = bodies(stream.seed)
        self._file = os.open(stream.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._reader = packets.Reader()
        self._socket = socket.create_connection(("127.0.0.1", stream.port), ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(packets.connect(CLIENT_ID, None, 600, ("okc/bench/gone", b"")))
        if next(self._reader.feed(self._socket.recv(READ_MAX)))[0] != packets.CONNACK:
            raise RuntimeError("the broker does not let the stream in")
        self.sent = self.acked = self.held_back = 0
        self.over = False

    def run(self) -> dict[str, Any]:
        """Until it is over and the broker has everything."""
        begun = time.monotonic()
        while not self.over:
            due = int((time.monotonic() - begun) * self._stream.rate) - self.sent
            room = UNDER_WAY_MAX - (self.sent - self.acked)
            self.held_back += due > room
            self._send(min(due, room))
            self._hear(TICK_S)
        seconds = time.monotonic() - begun
        deadline = time.monotonic() + ANSWER_S
        while self.acked < self.sent and time.monotonic() < deadline:
            self._hear(TICK_S)
        self._socket.sendall(packets.DISCONNECT)
        return {
            "sent": self.sent, "acked": self.acked, "per_s": round(self.sent / seconds), "held_back": self.held_back,
        }  # fmt: skip

    def _send(self, count: int) -> None:
        lines, out = [], []
        for number in range(self.sent, self.sent + count):
            device = b"BJ%08d" % (number % self._stream.devices)
            name = b"0badcafe.%d.%d" % (self._stream.boot, number // self._stream.devices + 1)
            body = self._bodies[number % BODIES]
            lines.append(b'["%s", "%s", %s\n' % (device, name, body.kept))
            mid = number % packets.MID_MAX + 1
            out.append(packets.publish(mid, f"okc/v1/up/hb/{device.decode()}", body.head + name + body.tail))
        if out:
            os.write(self._file, b"".join(lines))
            self._socket.sendall(b"".join(out))
            self.sent += count

    def _hear(self, wait_s: float) -> None:
        if not select.select([self._socket], [], [], wait_s)[0]:
            return
        data = self._socket.recv(READ_MAX)
        if not data:
            raise RuntimeError("the broker has cut the stream")
        self.acked += sum(kind == packets.PUBACK for kind, _, _ in self._reader.feed(data))


class Streaming:
    """The process, for a bench: it runs from here to `stop`."""

    def __init__(self, stream: Stream) -> None:
        words = [sys.executable, "-m", "tools.bench.stream", json.dumps(asdict(stream))]
        self._process = children.start(words, cwd=ROOT, stdout=subprocess.PIPE)
        if self._process.stdout is None or b"ready" not in self._process.stdout.readline():
            raise RuntimeError("the stream did not start")

    def stop(self) -> dict[str, Any]:
        """What was sent."""
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=2 * ANSWER_S)
        found: dict[str, Any] = json.loads(said)
        return found

    def kill(self) -> None:
        """However the bench went."""
        children.stop(self._process, signal.SIGKILL)


def main() -> None:
    """The process."""
    sender = _Sender(Stream(**json.loads(sys.argv[1])))

    def end(*_args: object) -> None:
        sender.over = True

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    print(json.dumps(sender.run()), flush=True)


if __name__ == "__main__":
    main()
