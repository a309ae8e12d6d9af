"""`onekey billing` from outside: what it prints, what it refuses, and how it exits."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cloud import clock
from tests.cloud.billing.town import CONTRACT, DAY, heard, installed
from tests.golden.compare import assert_golden
from tools.billing import REFUSED_EXIT, app

CONTRACT_TOML = """[contract]
number = "T-2025-001"
start = 2025-07-24
end = 2026-07-23
unit_price = "39.90"
cap = "1995000.00"
prepaid = "997500.00"
"""
LEDGER = """device_id,day,status
OKC00003,2025-07-24,normal
OKC00001,2025-07-24,normal
OKC00001,2025-07-25,normal
OKC00002,2025-07-24,disputed
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good ledger and a good contract, and the command run in it."""
    (tmp_path / "usage.csv").write_text(LEDGER, encoding="utf-8")
    (tmp_path / "contract.toml").write_text(CONTRACT_TOML, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def _price(*words: str) -> Any:
    return _run("price", "--ledger", "usage.csv", "--contract", "contract.toml", *words)


def test_the_price_is_one_json_object_and_needs_no_environment(files: Path) -> None:
    """As an auditor calls it: no settings, no database, nothing else on standard output."""
    ledger, contract = str(files / "usage.csv"), str(files / "contract.toml")
    words = ["billing", "price", "--ledger", ledger, "--contract", contract, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tools", *words],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[3],
        env={"PATH": "/usr/bin:/bin"},
    )
    assert json.loads(done.stdout) == {
        "term_days": 365,
        "device_days": 3,
        "uncapped_fen": 33,
        "total_fen": 33,
        "capped": False,
        "prepaid_fen": 99_750_000,
        "balance_fen": -99_749_967,
        "lines": [
            {"device_id": "OKC00001", "days": 2, "fen": 22},
            {"device_id": "OKC00002", "days": 0, "fen": 0},
            {"device_id": "OKC00003", "days": 1, "fen": 11},
        ],
    }
    assert done.stderr == b""


def test_the_table_reads_as_it_was_approved(files: Path) -> None:
    """Compared with the saved output, headings in Chinese."""
    assert_golden("billing_price.txt", _price().stdout)


def test_the_order_of_rows_changes_no_byte(files: Path) -> None:
    """The same rows, shuffled, in a file from Windows."""
    before = _price("--json").stdout
    head, *rows = LEDGER.splitlines()
    (files / "usage.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([head, *reversed(rows)]).encode())
    assert _price("--json").stdout == before


def test_a_refused_ledger_prices_nothing_and_names_file_and_line(files: Path) -> None:
    """Exit code 2, standard output empty, one line for each problem."""
    (files / "usage.csv").write_text(
        LEDGER + "OKC00003,2025-07-24,normal\nOKC00003,2024-01-01,lost\n", encoding="utf-8"
    )
    done = _price("--json")
    assert (done.exit_code, done.stdout) == (REFUSED_EXIT, "")
    lines = done.stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["usage.csv:6:", "usage.csv:7:"]


def test_a_refused_contract_prices_nothing_and_names_file_and_line(files: Path) -> None:
    """A float is no exact amount."""
    (files / "contract.toml").write_text(CONTRACT_TOML.replace('"39.90"', "39.90"), encoding="utf-8")
    done = _price("--json")
    assert (done.exit_code, done.stdout) == (REFUSED_EXIT, "")
    assert done.stderr.startswith("contract.toml:5: unit_price")


def test_a_number_with_brackets_is_printed_as_it_is(files: Path) -> None:
    """As many contracts are numbered; a table's own mark-up must not eat it."""
    number = "京采[2025]001 [/red] :100:"
    (files / "contract.toml").write_text(CONTRACT_TOML.replace("T-2025-001", number), encoding="utf-8")
    done = _price()
    assert (done.exit_code, number in done.stdout) == (0, True)


@pytest.mark.parametrize("name", ["usage.csv", "contract.toml"])
def test_a_missing_file_is_one_line_not_a_trace(files: Path, name: str) -> None:
    """Its name and the reason."""
    (files / name).unlink()
    done = _price()
    assert (done.exit_code, len(done.stderr.splitlines())) == (REFUSED_EXIT, 1)
    assert done.stderr.startswith(name)


async def _seed(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as conn:
        for number in range(1, 4):
            await installed(conn, f"OKC0000{number}")
        await heard(conn, "OKC00001", DAY, beats=144)
        await heard(conn, "OKC00002", DAY, report={"on": 1440, "reg": 1440})


async def test_finance_walks_from_contract_to_export(
    database: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract added, day closed, files written, and the files priced without the database."""
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setattr(clock, "now", lambda: datetime(2025, 7, 26, 1, 0, tzinfo=UTC))
    await _seed(database)

    # The command runs an event loop of its own, so it runs in a thread beside this one.
    async def run(*words: str) -> Any:
        return await asyncio.to_thread(_run, *words)

    assert (await run("contract", "add", "contract.toml")).exit_code == 0
    listed = json.loads((await run("contract", "list", "--json")).stdout)
    assert [each["number"] for each in listed["contracts"]] == [CONTRACT.number]
    closed = await run("close", "--day", DAY.isoformat())
    assert_golden("billing_close.txt", closed.stdout)
    words = ["export", "--contract", CONTRACT.number, "--through", DAY.isoformat(), "--out", "out", "--json"]
    told = json.loads((await run(*words)).stdout)
    assert (told["device_days"], told["total_fen"], told["days_without_verdict"]) == (2, 22, ["2025-07-24"])
    assert_golden("billing_amounts.csv", (files / "out" / "amounts.csv").read_bytes())
    priced = await run("price", "--ledger", "out/ledger.csv", "--contract", "out/contract.toml", "--json")
    assert json.loads(priced.stdout) == json.loads((files / "out" / "amounts.json").read_bytes())


@pytest.mark.parametrize(
    "words",
    [
        ["close", "--day", "2025-13-01"],
        ["close", "--day", "2999-01-01"],
        ["close", "--day", "20250725"],
        ["export", "--contract", "T-0", "--through", "2025-07-25", "--out", "usage.csv"],
        ["export", "--contract", "T-0", "--through", "2025-07-25", "--out", "out"],
        ["pause", "OKC00009", "--from", "2025-07-25", "--reason", "travel"],
    ],
)
def test_what_cannot_be_done_is_one_line(
    database: str, files: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """No such day, not over yet, no such contract, no such terminal."""
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    done = _run(*words)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (REFUSED_EXIT, "", 1)


def test_a_database_that_is_away_is_one_line(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the connection string is repeated: it may hold a password."""
    monkeypatch.setenv("OKC_DATABASE_URL", "host=/nowhere user=x password=hidden")
    done = _run("contract", "list")
    assert (done.exit_code, done.stderr) == (REFUSED_EXIT, "the database does not answer\n")
