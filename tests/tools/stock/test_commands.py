"""`onekey stock`, `onekey sim` and the bench, as operators and technicians use them: from a range to terminals."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import psycopg
import pytest
from typer.testing import CliRunner

from cloud.stock import rules
from tests.cloud.stock.parts import iccid, provisioned
from tools.device import app as device_app
from tools.provision import records, reservation
from tools.sim import app as sim_app
from tools.stock import app as stock_app
from tools.stock.command import SOME_REFUSED

if TYPE_CHECKING:
    import typer
    from typer.testing import Result

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
ROOT = b"\x30\x82\x00\x80" + bytes(128)
HEADER = ("iccid", "msisdn", "plan", "expires_on", "pool")


@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", "5e" * 32)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500009")
    return database


def run(app: typer.Typer, *words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(app: typer.Typer, *words: str | Path, code: int = 0) -> dict[str, Any]:
    result = run(app, *words, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def cards(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def card(number: int, **other: object) -> tuple[object, ...]:
    row = {
        "iccid": iccid(number), "msisdn": f"1380000{number:04d}", "plan": "30M",
        "expires_on": "2028-12-31", "pool": "A",
    }  # fmt: skip
    return tuple((row | other).values())


def reserve(folder: Path, count: int = 3, bench: str = "B01", name: str = "reservation") -> Path:
    (folder / "roots.der").write_bytes(ROOT)
    file = folder / name
    answer(
        stock_app, "reserve", "--bench", bench, "--prefix", "XC", "--count", str(count), "--out", file,
        "--server", "broker.example:8883", "--roots", folder / "roots.der",
    )  # fmt: skip
    return file


def test_from_a_range_to_terminals_without_a_network(environment: str, tmp_path: Path) -> None:
    """Reserve, carry, make three, carry back, merge: the broker knew them from the first day."""
    run(sim_app, "import", cards(tmp_path / "cards.csv", card(1), card(2), card(3)))
    file = reserve(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    passwords = {each["device_id"]: each["password"] for each in json.loads(file.read_text())["devices"]}
    listed = run(device_app, "credentials", tmp_path / "broker")
    assert listed.exit_code == 0
    assert [line.split(":")[0] for line in (tmp_path / "broker").read_text().splitlines()] == list(passwords)
    assert answer(device_app, "list") == {"devices": []}

    bench = tmp_path / "bench"
    bench.mkdir()
    assert reservation.load(bench, file) == 3
    for number in (1, 2, 3):
        fields = provisioned("", number)
        taken = reservation.take(bench, fields["mac"], iccid=fields["iccid"])
        assert taken.password == passwords[taken.device_id]
        records.say(bench, {**fields, "device": taken.device_id}, NOW)

    merged = answer(stock_app, "merge", bench / records.FILE)
    assert merged == {"merged": 3, "known": 0, "refused": 0, "refusals": [], "gaps": {}}
    assert answer(stock_app, "merge", bench / records.FILE)["known"] == 3
    assert {each["status"] for each in answer(device_app, "list")["devices"]} == {"stock"}
    (b01,) = answer(stock_app, "benches")["benches"]
    assert (b01["bench"], b01["reserved"], b01["provisioned"], b01["records"]) == ("B01", 0, 3, 3)
    (group,) = answer(stock_app, "list")["stock"]
    assert (group["terminals"], group["status"], group["passed"]) == (3, "stock", False)
    assert answer(sim_app, "list")["sims"][0]["in_terminals"] == 3
    with psycopg.connect(environment) as conn:
        text = str(conn.execute("select d::text from device d").fetchall())
    assert not [password for password in passwords.values() if password in text]
    assert "1380000" not in text


def test_refused_lines_are_named_and_the_exit_code_says_so(environment: str, tmp_path: Path) -> None:
    """One line each: file, line, why. No card and no number in it."""
    run(sim_app, "import", cards(tmp_path / "cards.csv", card(1)))
    bench = tmp_path / "bench"
    bench.mkdir()
    reservation.load(bench, reserve(tmp_path))
    records.say(bench, provisioned("XC000001", 1), NOW)
    records.say(bench, provisioned("XC000002", 2), NOW)
    with (bench / records.FILE).open("a") as file:
        file.write("not a record\n")
    told = run(stock_app, "merge", bench / records.FILE)
    assert told.exit_code == SOME_REFUSED
    lines = told.stdout.splitlines()
    assert [line.split(":")[1] for line in lines[:2]] == ["2", "3"]
    assert "not in stock" in lines[0]
    assert iccid(2) not in told.stdout
    assert "1 merged, 0 known, 2 refused" in lines[-1]


def test_the_code_of_a_console_comes_from_the_registry_with_a_reason(environment: str, tmp_path: Path) -> None:
    """The hash on the bench is that of the code."""
    file = reserve(tmp_path)
    lock = json.loads(file.read_text())["devices"][0]["lock"]
    assert run(stock_app, "unlock-code", "XC000001").exit_code == 2
    code = answer(stock_app, "unlock-code", "XC000001", "--reason", "key 2 sticks", "--by", "li")["code"]
    assert hashlib.sha256(rules.plain_code(code).encode()).hexdigest() == lock
    with psycopg.connect(environment) as conn:
        assert conn.execute("select device_id, reason, actor from unlock_given").fetchall() == [
            ("XC000001", "key 2 sticks", "li")
        ]


def test_a_reservation_that_cannot_be_written_reserves_nothing(environment: str, tmp_path: Path) -> None:
    """A file that is there is not written over: it may hold the passwords of others."""
    file = reserve(tmp_path)
    before = file.read_bytes()
    words = ("--count", "2", "--server", "broker.example:8883", "--roots", tmp_path / "roots.der", "--out", file)
    again = run(stock_app, "reserve", "--bench", "B01", *words)
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert file.read_bytes() == before
    bad = run(stock_app, "reserve", "--bench", "b", *words[:-1], tmp_path / "other")
    assert bad.exit_code == 2
    assert not (tmp_path / "other").exists()
    assert answer(stock_app, "benches")["benches"][0]["reserved"] == 3


def test_a_closed_bench_is_done(environment: str, tmp_path: Path) -> None:
    """A stolen laptop: its unused credentials leave the broker's list."""
    reserve(tmp_path)
    assert answer(stock_app, "close", "B01") == {"bench": "B01", "revoked": 3}
    run(device_app, "credentials", tmp_path / "broker")
    assert (tmp_path / "broker").read_text() == ""


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (card(2, iccid="89860400000000000001"), "check digit"),
        (card(2, iccid="8986"), "19 or 20 digits"),
        (card(2, msisdn="+8613800000002"), "5 to 15 digits"),
        (card(2, plan=""), "the plan"),
        (card(2, expires_on="next year"), "2028-12-31"),
        (card(1, msisdn="13800000002"), "stands in line 2 already"),
        (card(2, msisdn="13800000001"), "stands in line 2 already"),
    ],
)
def test_one_bad_card_and_nothing_is_imported(
    environment: str, tmp_path: Path, bad: tuple[object, ...], word: str
) -> None:
    """Told by line, without the number."""
    file = cards(tmp_path / "cards.csv", card(1), bad, card(3))
    told = run(sim_app, "import", file)
    assert told.exit_code == 3
    assert told.stderr.splitlines()[0].startswith(f"{file}:3: ")
    assert word in told.stderr
    assert "1380000" not in told.output
    assert answer(sim_app, "list") == {"sims": []}
    assert answer(sim_app, "import", file, code=3)["bad"][0]["line"] == 3


def test_a_workbook_is_read_as_operators_make_it(environment: str, tmp_path: Path) -> None:
    """Chinese headings, dates as dates, numbers as numbers; an ICCID that became a number has lost digits."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["卡号", "手机号", "套餐", "到期日期"])
    sheet.append([iccid(1), 13800000001, "30M", date(2028, 12, 31)])
    book.save(tmp_path / "cards.xlsx")
    assert answer(sim_app, "import", tmp_path / "cards.xlsx") == {"cards": 1, "bad": []}
    sheet.append([float(iccid(2)), 13800000002, "30M", date(2028, 12, 31)])
    book.save(tmp_path / "cards.xlsx")
    told = run(sim_app, "import", tmp_path / "cards.xlsx")
    assert ":3: the ICCID is a number in the sheet" in told.stderr


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"iccid,msisdn,plan,expires_on\n"])
def test_a_file_that_is_no_list_is_one_line(environment: str, tmp_path: Path, content: bytes) -> None:
    """Exit code 2."""
    for name in ("cards.csv", "cards.xlsx"):
        (tmp_path / name).write_bytes(content)
        told = run(sim_app, "import", tmp_path / name)
        assert (told.exit_code, told.stderr.count("\n")) == (2, 1)


def test_a_card_that_moves_to_another_number_is_refused(environment: str, tmp_path: Path) -> None:
    """The same list again is a renewal."""
    file = cards(tmp_path / "cards.csv", card(1))
    assert answer(sim_app, "import", file)["cards"] == 1
    assert answer(sim_app, "import", file)["cards"] == 1
    told = run(sim_app, "import", cards(tmp_path / "other.csv", card(1, msisdn="13800000009")))
    assert ":2: this ICCID is in stock with another number" in told.stderr


def test_a_benchs_copy_of_the_cards_has_no_numbers(environment: str, tmp_path: Path) -> None:
    """Only what stands for them."""
    run(sim_app, "import", cards(tmp_path / "cards.csv", card(1), card(2)))
    assert answer(sim_app, "export", "--bench", "B01", "--out", tmp_path / "sims")["cards"] == 2
    assert "1380000" not in (tmp_path / "sims").read_text()
    bench = tmp_path / "bench"
    bench.mkdir()
    reservation.load(bench, reserve(tmp_path))
    reservation.load(bench, tmp_path / "sims")
    assert reservation.caller_proof(bench, iccid(2))[1] is not None
