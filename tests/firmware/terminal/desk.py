"""A terminal on a desk for tests: emulator, firmware and a cloud's client, each a real process or connection.

In: a broker. Out: what each of them said, and ways to wait for it. Never waits by time, only for something to be so.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from protocol import messages, topics
from tests.fixtures.broker import CLOUD_PASSWORD, CLOUD_USER, Mosquitto
from tools.embedded import children

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

T = TypeVar("T")

DEVICE = "DESK01"
PASSWORD = "desk-password"
SPEED = 20.0  # the emulator's delays are divided by this
WAIT_S = 30.0
ONEKEY = str(Path(sys.executable).with_name("onekey"))


def until(what: Callable[[], T | None], why: str, wait_s: float = WAIT_S) -> T:
    """The first value that is not None (nor False)."""
    deadline = time.monotonic() + wait_s
    while True:
        value = what()
        if value is not None and value is not False:
            return value
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


class Cloud:
    """The other end: takes what comes up, receipts it if told to, sends down."""

    def __init__(self, broker: Mosquitto) -> None:
        self.receipting = True
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="cloud-of-test", clean_session=True)
        self._client.username_pw_set(CLOUD_USER, CLOUD_PASSWORD)
        self._ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(topics.CLOUD_FILTER, 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        direction, kind, _device = topics.parse(message.topic)
        fields = messages.decode(direction, kind, bytes(message.payload))
        with self._lock:
            self.messages.append((kind, fields))
        if self.receipting and kind not in ("hb", "state"):
            self.send("receipt", {"of": [fields["id"]]})

    def send(self, kind: str, fields: dict[str, Any]) -> None:
        self._client.publish(topics.build("down", kind, DEVICE), messages.encode("down", kind, fields), 1)

    def of(self, kind: str, **like: object) -> list[dict[str, Any]]:
        """Messages of a kind whose fields are like that."""
        with self._lock:
            return [
                fields
                for one, fields in self.messages
                if one == kind and all(fields[name] == value for name, value in like.items())
            ]

    def wait(self, kind: str, wait_s: float = WAIT_S, **like: object) -> dict[str, Any]:
        return until(lambda: next(iter(self.of(kind, **like)), None), f"no {kind} {like}", wait_s)


class Desk:
    """One emulator and one terminal in one folder."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder = folder
        self.broker = broker
        self.modem: subprocess.Popen[bytes] | None = None
        self.terminal: subprocess.Popen[bytes] | None = None
        self.server = f"127.0.0.1:{broker.port}"
        self.ca: Path | None = None  # roots to trust; without them the line is plain
        (folder / "password").write_text(PASSWORD + "\n")
        broker.add_user(DEVICE, PASSWORD)

    def start(self, **numbers: str) -> None:
        """Modem and terminal; numbers as n01055500000="answer after=1"."""
        self.start_modem()
        for name, plan in numbers.items():
            self.control(f"number {name[1:]} {plan}")
        self.start_terminal()

    def start_modem(self) -> None:
        with (self.folder / "modem.log").open("ab") as log:
            command = [ONEKEY, "modem", "--pty", "--link", str(self.folder / "tty")]
            command += ["--control", str(self.folder / "control"), "--speed", str(SPEED)]
            self.modem = children.start(command, stdout=log, stderr=log)
        children.wait_until(lambda: (self.folder / "tty").exists() and self._controllable(), self.modem, "the modem")

    def _controllable(self) -> bool:
        """Whether the control socket listens: it is there a moment before."""
        with socket.socket(socket.AF_UNIX) as link:
            return link.connect_ex(str(self.folder / "control")) == 0

    def start_terminal(self) -> None:
        with (self.folder / "terminal.log").open("ab") as log:
            command = [ONEKEY, "terminal", "--uart", str(self.folder / "tty"), "--state", str(self.folder / "state")]
            command += ["--keys", str(self.folder / "keys"), "--device", DEVICE]
            command += ["--server", self.server, "--password-file", str(self.folder / "password")]
            command += ["--ca", str(self.ca)] if self.ca else []
            self.terminal = children.start(command, stdout=log, stderr=log)
        children.wait_until((self.folder / "keys").exists, self.terminal, "the terminal")

    def kill_firmware(self) -> None:
        """As a power cut of the terminal, the modem stays on: kill -9 of launcher and firmware."""
        assert self.terminal is not None
        children.stop(self.terminal, signal.SIGKILL)

    def stop(self) -> None:
        for process in (self.terminal, self.modem):
            if process is not None:
                children.stop(process)

    def control(self, line: str) -> str:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.folder / "control"))
            link.sendall(line.encode() + b"\n")
            answer = link.recv(4096).decode().strip()
        assert answer.startswith("ok"), answer
        return answer

    def press(self, key: str, held_ms: int) -> None:
        with (self.folder / "keys").open("w") as fifo:
            fifo.write(f"{key} {held_ms}\n")

    def lines(self) -> list[dict[str, Any]]:
        return _json_lines(self.folder / "terminal.log")

    def calls(self) -> list[dict[str, Any]]:
        """What the emulator says happened."""
        return _json_lines(self.folder / "modem.log")

    def note(self, what: str, nth: int = 0, wait_s: float = WAIT_S, **like: object) -> dict[str, Any]:
        """The n-th note of that name since the first start."""

        def find() -> dict[str, Any] | None:
            found = [line for line in self.lines() if line.get("note") == what and _like(line, like)]
            return found[nth] if len(found) > nth else None

        return until(find, f"no note {what} {like}", wait_s)

    def lamp(self, state: str, after: str | None = None) -> dict[str, Any]:
        """The first time the lamp shows a state, since the last note of that name."""

        def find() -> dict[str, Any] | None:
            lines = self.lines()
            notes = [at for at, line in enumerate(lines) if after is not None and line.get("note") == after]
            return next((line for line in lines[notes[-1] if notes else 0 :] if line.get("lamp") == state), None)

        return until(find, f"no lamp {state}")

    def happened(self, event: str, nth: int = 0, **like: object) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            found = [line for line in self.calls() if line.get("ev") == event and _like(line, like)]
            return found[nth] if len(found) > nth else None

        return until(find, f"the modem had no {event} {like}")


def _like(line: dict[str, Any], like: dict[str, object]) -> bool:
    return all(line.get(name) == value for name, value in like.items())


def _json_lines(path: Path) -> list[dict[str, Any]]:
    whole = path.read_text().split("\n")[:-1] if path.exists() else []
    return [cast("dict[str, Any]", json.loads(line)) for line in whole if line.startswith("{")]
