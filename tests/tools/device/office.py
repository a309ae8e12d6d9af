"""Somebody in the office: the registry's settings, a folder, spreadsheets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
from typer.testing import CliRunner

from cloud.sealed import Box
from tests.tools.device.fleet_files import iccid, write_csv
from tools.device import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

KEY = "5e" * 32
BOX = Box(bytes.fromhex(KEY))
SECRETS = ("王淑兰", "01050000001", "13900000001", "13800000001", "1号楼", iccid(1))


class Office:
    """Somebody with the registry's settings, a folder and spreadsheets."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.folder = folder

    def onekey(self, *words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    def answer(self, *words: str) -> dict[str, Any]:
        result = self.onekey(*words, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def take(self, rows: list[dict[str, str]], *words: str, name: str = "in.csv") -> Result:
        path = write_csv(self.folder / name, rows)
        return self.onekey("import", str(path), "--by", "zhang", *words)

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.database) as conn:
            return conn.execute(query.encode()).fetchall()

    def total(self) -> int:
        tables = ("home", "elder", "contact", "device", "installation", "foreign_unit", "takeover")
        return sum(self.rows(f"select count(*) from {table}")[0][0] for table in tables)

    @property
    def passwords(self) -> str:
        return str(self.folder / "passwords.csv")
