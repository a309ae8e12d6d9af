"""A technician with a bench folder, pictures, and a registry that may be out of reach."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from cloud import clock, db
from cloud.stock import store as stock
from tests.cloud.field import world
from tests.cloud.field.world import JPEG, NEW, PNG
from tools.install import install, jobs, notebook, remove, retire, swap
from tools.install.texts import FAILURES
from tools.provision import reservation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typer.testing import Result

    from cloud.db import Conn

APPS = {"install": install.app, "swap": swap.app, "remove": remove.app, "retire": retire.app}


class Field:
    """A technician with a bench folder, pictures, and a registry that may be out of reach."""

    def __init__(self, database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.folder = folder
        self.env = monkeypatch
        (folder / "p.jpg").write_bytes(JPEG)
        (folder / "s.png").write_bytes(PNG)
        self.answers = (
            "--photo", str(folder / "p.jpg"), "--signature", str(folder / "s.png"), "--call-120", "connected",
            "--agreed-with", "急救中心调度科", "--called-at", "00:00", "--by", "li",
        )  # fmt: skip
        self.online()
        self.signs("T01")

    def signs(self, name: str, *, folder: Path | None = None) -> Ed25519PrivateKey:
        """A bench that the registry knows, and its notebook, as a reservation makes them."""
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        self.do(lambda conn: stock.add_bench(conn, name, public, clock.now()))
        made = {
            "v": 1, "bench": name, "key": key.private_bytes_raw().hex(), "registry_key": world.BOX.public_key().hex(),
            "proof_key": "00" * 32, "sims": {}, "devices": [], "server": "mqtt.example:8883", "roots": [],
            "board": "okb-a",
        }  # fmt: skip
        bench, file = notebook.bench_of(folder or self.folder / "bench"), self.folder / "reservation"
        file.write_text(json.dumps(made))
        reservation.load(bench, file)
        return key

    def online(self) -> None:
        self.env.setenv("OKC_DATABASE_URL", self.database)

    def offline(self) -> None:
        self.env.setenv("OKC_DATABASE_URL", "host=/nowhere dbname=x")

    def onekey(self, command: str, *words: str, typed: str = "") -> Result:
        return CliRunner().invoke(APPS[command], [*words, "--bench", str(self.folder / "bench")], input=typed)

    def answer(self, command: str, *words: str, typed: str = "") -> dict[str, Any]:
        result = self.onekey(command, *words, "--json", typed=typed)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.database) as conn:
            return conn.execute(query.encode()).fetchall()

    def do(self, work: Callable[[Conn], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            async with await db.connect(self.database) as conn, conn.transaction():
                return await work(conn)

        return asyncio.run(inside())

    def pressed(self, device_id: str = NEW) -> None:
        now = clock.now()
        self.do(lambda conn: world.pressed(conn, device_id, now, now))

    def kept(self) -> list[Path]:
        return sorted((self.folder / "bench" / "field").glob("*"))

    def files(self) -> list[jobs.JobFile]:
        bench = self.folder / "bench"
        return jobs.all_jobs(bench / "field", [], notebook.load(bench))


def begun(field: Field, home: uuid.UUID, device_id: str = NEW) -> None:
    """An installation whose terminal is bound and whose press has not come."""
    result = field.onekey("install", device_id, "--home", str(home), "--wait", "0", *field.answers)
    assert result.exit_code == FAILURES["no_press"][0], result.output


def installed(field: Field, home: uuid.UUID, device_id: str = NEW) -> dict[str, Any]:
    begun(field, home, device_id)
    field.pressed(device_id)
    return field.answer("install", device_id, "--wait", "0", *field.answers)
