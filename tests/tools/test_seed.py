"""`onekey seed` as its user calls it."""

from __future__ import annotations

import psycopg
import pytest
from typer.testing import CliRunner

from cloud.elders.store import open_facts
from cloud.sealed import Box
from tools.seed import app, device_ids


@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", "44" * 32)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500001")
    return database


def test_it_fills_an_empty_database_and_a_second_run_adds_nothing(environment: str) -> None:
    first = CliRunner().invoke(app, ["--terminals", "4"])
    assert first.exit_code == 0, first.output
    assert "added: 4 terminals, 4 homes, 4 elders, 8 contacts" in first.output
    second = CliRunner().invoke(app, ["--terminals", "4"])
    assert "added: 0 terminals, 0 homes, 0 elders, 0 contacts, 0 providers" in second.output
    with psycopg.connect(environment) as conn:
        installed = conn.execute("select device_id from device where status = 'installed' order by 1").fetchall()
        facts = conn.execute("select birth_sealed, care_sealed from elder").fetchall()
    assert [row[0] for row in installed] == device_ids(4)
    opened = [open_facts(Box(bytes.fromhex("44" * 32)), *row) for row in facts]
    assert all(each.birth for each in opened)
    assert len({each.care_level for each in opened} - {None}) > 1


def test_a_setting_that_is_missing_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.delenv("OKC_HOTLINE_NUMBER")
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 2
    assert "OKC_HOTLINE_NUMBER" in done.stderr
