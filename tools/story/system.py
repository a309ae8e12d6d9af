"""Every part of the system on this machine: started in order, ended in reverse, leaving nothing behind.

In: how many simulated terminals. Out: running parts with their addresses. The parts are the product's own commands in
processes of their own; this file only gives them a database, a broker, credentials and an invented town.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cloud.sealed import Box
from tools.embedded import children
from tools.embedded.broker import Broker
from tools.embedded.ports import free_port
from tools.embedded.postgres import Postgres
from tools.story.lines import Line, Lines
from tools.story.proxy import Relay

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE = "OKC000001"  # the terminal that runs the real firmware
DESK_NUMBER = "01055500000"  # nobody's: the invented town's hotline
CLOUD_USER = "cloud"
READY_S = 60.0  # a loaded machine starts a Python process with the web framework in 5 s
FLEET_BEAT_S = 20  # so that the page moves while somebody looks at it; homes beat every 10 min
CLOUD = ("ingest", "send", "sweep", "web")


class System:
    """All parts. Use as a context manager: leaving it ends everything, in whatever state it is."""

    def __init__(self, terminals: int, say: Callable[[str], None]) -> None:
        self.say = say
        # Short: a socket path has at most 107 bytes, and the temporary folder of some machines is long.
        base = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 - a folder of our own is made inside
        self.folder = Path(tempfile.mkdtemp(prefix="okc", dir=base))
        # PostgreSQL may run as another user: it must be able to pass through.
        self.folder.chmod(0o711)
        self.devices = [f"OKC{number:06d}" for number in range(1, terminals + 2)]
        self.passwords = {device: secrets.token_urlsafe(18) for device in self.devices}
        self.postgres = Postgres(self.folder / "pg")
        self.broker: Broker
        self.relay: Relay
        self.web_port = free_port()
        self.lines: dict[str, Lines] = {}
        self.show: dict[str, Callable[[Line], None]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._secrets = {"data_key": secrets.token_hex(32), "broker_password": secrets.token_urlsafe(18)}
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # A folder is made before anything runs in it, so it is the last to go.
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(self, *_exc: object) -> None:
        for name in reversed(list(self._processes)):
            self.stop(name)
        self._closing.close()

    @property
    def page(self) -> str:
        """Address of the live page."""
        return f"http://127.0.0.1:{self.web_port}/live"

    @property
    def dsn(self) -> str:
        """The demo's database."""
        return self.postgres.dsn("okc")

    def start_servers(self) -> None:
        """Database and broker, with every terminal's password known to the broker."""
        self.say("starting PostgreSQL and the broker")
        self._closing.callback(self.postgres.stop)
        self.postgres.start()
        self.postgres.create_database("okc")
        self.broker = Broker(self.folder / "broker", {CLOUD_USER: self._secrets["broker_password"], **self.passwords})
        self._closing.callback(self.broker.stop)
        self.broker.start()
        self.relay = Relay(self.broker.port)
        self._closing.callback(self.relay.close)

    def start_cloud(self) -> None:
        """Schema, an invented town, and the four processes."""
        self.say("preparing the database and an invented town")
        self.run("db", "migrate")
        self.run("seed", "--terminals", str(len(self.devices)))
        self.say("starting ingest, send, sweep and web")
        for name in CLOUD:
            self.start(name)
        for name in CLOUD:
            self.lines[name].wait_for(lambda line: line.text == "ready", READY_S, "to be ready")

    def start_fleet(self) -> None:
        """The simulated terminals: they speak the wire, they have no firmware."""
        fleet = self.devices[1:]
        if not fleet:
            return
        self.say(f"starting {len(fleet)} simulated terminals")
        rows = "".join(f"{device},{self.passwords[device]}\n" for device in fleet)
        credentials = self.secret_file("fleet.csv", "device_id,password\n" + rows)
        self.spawn(
            "fleet",
            [sys.executable, "-m", "tools", "simulate", "--broker", f"127.0.0.1:{self.broker.port}", "--terminals",
             str(len(fleet)), "--credentials", str(credentials), "--interval", str(FLEET_BEAT_S)],
        )  # fmt: skip
        self.lines["fleet"].wait_for(lambda line: line.text == "ready", READY_S, "to be connected")

    def start(self, name: str) -> None:
        """Start one process of the cloud."""
        self.spawn(name, [sys.executable, "-m", "tools", "serve", name], env=self.environment(name))

    def kill(self, name: str) -> None:
        """End one process by kill -9, as a crash would."""
        process = self._processes.pop(name)
        children.stop(process, signal.SIGKILL)

    def stop(self, name: str) -> None:
        """End one process in order."""
        children.stop(self._processes.pop(name))

    def spawn(self, name: str, command: list[str], env: dict[str, str] | None = None) -> Lines:
        """Start a part; its standard output is collected under its name, its errors go to a log in the folder."""
        self.spawn_process(name, command, env)
        return self.lines[name]

    def spawn_process(
        self, name: str, command: list[str], env: dict[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """The same for a part that is written to."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = children.start(command, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=log)
        self._processes[name] = process
        if process.stdout is None:
            raise RuntimeError("a part without standard output")
        self.lines[name] = Lines(process.stdout, name, self.show.get(name))
        return process

    def run(self, *words: str) -> str:
        """Run one `onekey` command to its end and return what it printed. Raises RuntimeError with its errors."""
        done = subprocess.run(
            [sys.executable, "-m", "tools", *words],
            env=self.environment("tools"), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"onekey {' '.join(words[:2])} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def environment(self, name: str) -> dict[str, str]:
        """Settings of one process. Ingest alone reaches the broker through the relay."""
        port = self.relay.port if name == "ingest" else self.broker.port
        settings = {
            "DATABASE_URL": self.dsn,
            "BROKER_HOST": "127.0.0.1",
            "BROKER_PORT": str(port),
            "BROKER_USER": CLOUD_USER,
            "BROKER_PASSWORD": self._secrets["broker_password"],
            "BROKER_MQTT5": "false",
            "DATA_KEY": self._secrets["data_key"],
            "WEB_PORT": str(self.web_port),
            "HOTLINE_NUMBER": DESK_NUMBER,
        }
        return {**os.environ, **{f"OKC_{key}": value for key, value in settings.items()}}

    def keep_logs(self, folder: Path) -> None:
        """Copy what every part said, for somebody who wants to know why the story stopped."""
        folder.mkdir(exist_ok=True)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, folder)
        for name, lines in self.lines.items():
            (folder / f"{name}.out").write_text("".join(f"{line.at:.3f} {line.text}\n" for line in lines.since(0)))

    @property
    def box(self) -> Box:
        """Opens what the cloud has sealed: the demo is its own operator."""
        return Box(bytes.fromhex(self._secrets["data_key"]))

    def secret_file(self, name: str, text: str) -> Path:
        """A file that only we can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path
