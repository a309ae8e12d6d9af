"""`onekey device import | export | progress | plans`: whole fleets in and out."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloud.field.rows import COLUMNS
from cloud.sealed import Box
from tests.tools.device.fleet_files import HEADER, iccid, unit, write_csv, write_xlsx
from tools.device import app, sheets

if TYPE_CHECKING:
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


@pytest.fixture
def office(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", KEY)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500001")
    return Office(database, tmp_path)


def test_a_running_fleet_is_taken_over_with_its_households_and_sealed(office: Office) -> None:
    """Home, elder, daughter, numbers, card and day of installation; a password for each that was new."""
    result = office.take([unit(1), unit(2)], "--passwords", office.passwords)
    assert result.exit_code == 0, result.output
    with Path(office.passwords).open() as file:
        assert [row["device_id"] for row in csv.DictReader(file)] == ["OKC000001", "OKC000002"]
    found = office.rows(
        "select d.device_id, d.status, d.credential is not null, i.installed_on, h.community, h.lives_alone, d.iccid,"
        " d.msisdn_sealed, e.name_sealed, h.address_sealed, c.number_sealed, s.name"
        " from device d join installation i using (device_id) join home h using (home_id) join elder e using (home_id)"
        " join contact c using (home_id) join street s using (street_code) order by 1"
    )
    assert found[0][:7] == ("OKC000001", "installed", True, date(2025, 8, 1), "示例社区", True, iccid(1))
    opened = [BOX.open(bytes(blob)) for blob in found[0][7:11]]
    assert opened == ["13900000001", "王淑兰", "1号楼1单元101", "13800000001"]
    assert [row[11] for row in found] == ["展览路", "牛街"]
    assert not any(secret in result.output for secret in SECRETS)


def test_terminals_of_the_stock_are_put_where_they_are_and_keep_their_credential(office: Office) -> None:
    """A terminal that we know needs no new password; without --passwords an unknown one is a mistake."""
    office.answer("add", "OKC000001", "--msisdn", "13900000001")
    before = office.rows("select credential from device")
    assert office.take([unit(1)]).exit_code == 0
    assert office.rows("select credential from device") == before
    result = office.take([unit(2)], name="b.csv")
    assert (result.exit_code, "b.csv:2: device_id: 登记库中没有" in result.stderr) == (3, True)


def test_foreign_units_are_listed_apart_and_are_never_ours(office: Office) -> None:
    """No terminal, no credential, no installation: a maker that is not said to be ours is another's."""
    rows = [unit(1), unit(2, maker="某某电子", device_id="mm-77/2"), unit(3, maker="某某电子", device_id="OKC000009")]
    result = office.take(rows, "--passwords", office.passwords)
    assert result.exit_code == 0, result.output
    assert office.rows("select device_id from device") == [("OKC000001",)]
    assert office.rows("select device_id from installation") == [("OKC000001",)]
    units = set(office.rows("select maker, unit_id from foreign_unit"))
    assert units == {("某某电子", "mm-77/2"), ("某某电子", "OKC000009")}
    assert office.rows("select count(*) from home") == [(3,)]
    office.answer("export", str(office.folder / "f.csv"), "--reason", "核对外来设备")
    ours, foreign = ((office.folder / name).read_text("utf-8-sig") for name in ("f.csv", "f-foreign.csv"))
    assert ("OKC000001" in ours, "mm-77/2" in ours, "mm-77/2" in foreign) == (True, False, True)
    result = office.take([unit(4, maker="")], "--passwords", office.passwords + "2", name="c.csv")
    assert "c.csv:2: maker: 不能为空 / empty" in result.stderr


@pytest.mark.parametrize(
    ("change", "column", "code"),
    [
        ({"device_id": "short"}, "device_id", "device_id"),
        ({"device_id": ""}, "device_id", "empty"),
        ({"maker": "某某", "device_id": "7" * 41}, "device_id", "unit_id"),
        ({"street": "长安街"}, "street", "street"),
        ({"community": "社" * 31}, "community", "too_long"),
        ({"alone": "maybe"}, "alone", "yes_no"),
        ({"elder": "王**"}, "elder", "text"),
        ({"elder_phone": "139****0001"}, "elder_phone", "number"),
        ({"msisdn": "120"}, "msisdn", "number"),
        ({"iccid": iccid(1)[:-1] + str((int(iccid(1)[-1]) + 1) % 10)}, "iccid", "iccid"),
        ({"iccid": "8.986e+18"}, "iccid", "iccid"),
        ({"installed_on": "2999-01-01"}, "installed_on", "date"),
        ({"installed_on": "2025-02-30"}, "installed_on", "date"),
        ({"installed_on": "1.8.2025"}, "installed_on", "date"),
        ({"contact1": ""}, "contact1", "no_label"),
        ({"contact1_number": ""}, "contact1", "no_number"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column_and_nothing_is_imported(
    office: Office, change: dict[str, str], column: str, code: str
) -> None:
    """Not even the good lines around it; the value is not repeated."""
    path = write_csv(office.folder / "in.csv", [unit(2), unit(1, **change), unit(3)])
    result = office.onekey("import", str(path), "--passwords", office.passwords, "--json")
    assert result.exit_code == 3, result.output
    assert json.loads(result.stdout)["problems"] == [{"line": 3, "column": column, "code": code}]
    assert f"in.csv:3: {column}: " in result.stderr
    assert office.total() == 0
    assert not Path(office.passwords).exists()


def test_all_bad_lines_are_told_together_those_of_the_file_and_those_of_the_registry(office: Office) -> None:
    """Typed wrong, twice in the file, in another home, another's number: one run shows them all, by line."""
    assert office.take([unit(1)], "--passwords", office.passwords).exit_code == 0
    office.answer("add", "OKC000020")
    office.answer("add", "OKC000021")
    office.answer("revoke", "OKC000021")
    office.rows("update device set status = 'reserved' where device_id = 'OKC000020' returning 1")
    before = office.total()
    rows = [
        unit(1),  # 2: in a home, its home has one
        unit(2, street="?"),  # 3
        unit(3),
        unit(3, msisdn="", iccid="", address="另一处"),  # 5: twice
        unit(4, msisdn="13900000001"),  # 6: the number of terminal 1, which line 2 has too
        unit(5, iccid=iccid(1)),  # 7: the card of terminal 1, too
        unit(6, street="牛街", address="3号楼1单元101"),
        unit(7, street="牛街", address="3号楼 1单元 101"),  # 9: the same home
        unit(8, msisdn=unit(3)["msisdn"]),  # 10: a number twice
        unit(20),  # 11
        unit(21),  # 12
    ]
    result = office.take(rows, "--passwords", office.passwords + "2", "--json", name="b.csv")
    found = {(each["line"], each["code"]) for each in json.loads(result.stdout)["problems"]}
    assert found == {
        (2, "in_a_home"), (2, "home_has_one"), (3, "street"), (5, "twice"), (6, "number_taken"), (6, "twice"),
        (7, "iccid_taken"), (7, "twice"),
        (9, "home_twice"), (10, "twice"), (11, "reserved"), (12, "retired"),
    }  # fmt: skip
    assert office.total() == before


def test_problems_are_shown_up_to_a_limit_and_counted_beyond(office: Office) -> None:
    """A whole column that is wrong does not fill the screen for an hour."""
    result = office.take([unit(number, alone="?") for number in range(1, 301)], "--passwords", office.passwords)
    assert result.exit_code == 3
    assert result.stderr.count("是或否") + result.stderr.count("“是”或“否”") == 200
    assert "300 处有误" in result.stderr


def test_a_number_that_differs_from_the_card_stock_is_refused(office: Office) -> None:
    """Press and phone call could never be matched."""
    office.rows(f"insert into sim values ('{iccid(1)}', '\\x00', '\\x01', 'plan', '', '2030-01-01', now()) returning 1")
    result = office.take([unit(1)], "--passwords", office.passwords, "--json")
    assert json.loads(result.stdout)["problems"] == [{"line": 2, "column": "msisdn", "code": "number_differs"}]


def test_the_same_file_again_changes_nothing(office: Office) -> None:
    """As when nobody knows whether the first time went through."""
    path = str(write_csv(office.folder / "in.csv", [unit(1)]))
    first = office.answer("import", path, "--passwords", office.passwords)
    before = office.total()
    again = office.answer("import", path, "--passwords", office.passwords + "2")
    assert (first["again"], again["again"], again["ours"]) == (False, True, 1)
    assert office.total() == before
    assert not Path(office.passwords + "2").exists()


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ([*HEADER[:-1], "小名"], "columns unknown: ['小名']"),
        ([*HEADER[:-1], "maker"], "twice: ['maker']"),
        (["设备编号", "maker", *["联系人1"] * 11], "missing: ['street'"),
    ],
)
def test_a_header_that_would_lose_a_column_is_refused(office: Office, header: list[str], text: str) -> None:
    """What is not understood is not silently dropped."""
    path = write_csv(office.folder / "in.csv", [unit(1)], header)
    result = office.onekey("import", str(path), "--passwords", office.passwords)
    assert (result.exit_code, text in result.stderr, office.total()) == (2, True, 0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_chinese_spreadsheets_csv_is_read_in_either_encoding(office: Office, encoding: str) -> None:
    """With Chinese headings."""
    header = [COLUMNS[name][0] for name in HEADER]
    path = write_csv(office.folder / "in.csv", [unit(1)], header, encoding)
    assert office.answer("import", str(path), "--passwords", office.passwords)["ours"] == 1
    assert BOX.open(bytes(office.rows("select name_sealed from elder")[0][0])) == "王淑兰"


def test_an_xlsx_is_read_as_people_fill_it_in(office: Office) -> None:
    """Dates as dates, numbers as numbers, a card's number as text; one that lost its digits is refused."""
    row: dict[str, Any] = {
        **unit(1),
        "installed_on": datetime(2025, 8, 1, tzinfo=UTC).replace(tzinfo=None),
        "msisdn": 13900000001.0,
        "alone": True,
    }
    path = write_xlsx(office.folder / "in.xlsx", [row])
    assert office.answer("import", str(path), "--passwords", office.passwords)["ours"] == 1
    assert office.rows("select installed_on from installation") == [(date(2025, 8, 1),)]
    bad = write_xlsx(office.folder / "bad.xlsx", [{**unit(2), "iccid": float(iccid(2))}])
    assert "bad.xlsx:2: iccid: " in office.onekey("import", str(bad), "--passwords", office.passwords + "2").stderr


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x00" * 200, b"device_id,maker\n" + b"x" * 600])
@pytest.mark.parametrize("name", ["in.csv", "in.xlsx"])
def test_what_is_no_list_is_one_line(office: Office, content: bytes, name: str) -> None:
    """Whatever somebody drags onto the command."""
    (office.folder / name).write_bytes(content)
    result = office.onekey("import", str(office.folder / name), "--passwords", office.passwords)
    assert (result.exit_code, office.total()) == (2, 0)
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_export_is_masked_private_and_logged(office: Office) -> None:
    """Who took it out, when, why and how much."""
    office.take([unit(1), unit(2, maker="某某", device_id="mm1")], "--passwords", office.passwords)
    file = office.folder / "out.csv"
    done = office.answer("export", str(file), "--reason", "月度核对", "--by", "zhang")
    assert (done["ours"], done["foreign"], done["revealed"]) == (1, 1, False)
    text = "".join(Path(each).read_text("utf-8-sig") for each in done["files"])
    assert not any(secret in text for secret in SECRETS)
    assert "王**" in text
    assert all(Path(each).stat().st_mode & 0o777 == 0o600 for each in done["files"])
    assert office.rows("select actor, what, reason, rows, revealed from data_access") == [
        ("zhang", "fleet_export", "月度核对", 2, False)
    ]


@pytest.mark.parametrize("words", [(), ("--reason", ""), ("--reason", "x")])
def test_without_a_reason_nothing_leaves(office: Office, words: tuple[str, ...]) -> None:
    """No file, no log."""
    assert office.onekey("export", str(office.folder / "out.csv"), *words).exit_code == 2
    assert list(office.folder.iterdir()) == []


def test_an_export_never_replaces_a_file_and_leaves_none_behind_when_it_fails(office: Office) -> None:
    """The list of last month is still there."""
    (office.folder / "out.csv").write_text("precious")
    assert office.onekey("export", str(office.folder / "out.csv"), "--reason", "月度核对").exit_code == 2
    assert (office.folder / "out.csv").read_text() == "precious"
    assert [each.name for each in office.folder.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_a_revealed_export_can_be_taken_over_again(office: Office, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost on the way out and in: the second export says the same."""
    rows = [unit(1), unit(2, elder="=1+1", contact1="@女儿", address="-1号楼"), unit(3, maker="某某", device_id="mm1")]
    office.take(rows, "--passwords", office.passwords)
    first = office.answer("export", str(office.folder / name), "--reason", "系统迁移", "--reveal")
    tables = "installation, elder, contact, foreign_unit, takeover, home, device"
    before = office.rows(
        "select device_id, installed_on, iccid, status from device join installation using (device_id)"
    )
    with psycopg.connect(office.database) as conn:
        conn.execute(f"truncate {tables} cascade".encode())
    again = office.answer("import", first["files"][0], "--passwords", office.passwords + "2")
    assert again["ours"] == 2
    query = "select device_id, installed_on, iccid, status from device join installation using (device_id)"
    assert sorted(office.rows(query)) == sorted(before)
    names = {BOX.open(bytes(row[0])) for row in office.rows("select name_sealed from elder")}
    assert names == {"王淑兰", "=1+1"}


def test_no_cell_of_an_xlsx_is_a_formula_and_ids_stay_text(office: Office) -> None:
    """A name that begins with = runs on nobody's machine."""
    office.take([unit(1, elder="=HYPERLINK(1)", address="+1号楼")], "--passwords", office.passwords)
    office.answer("export", str(office.folder / "out.xlsx"), "--reason", "月度核对", "--reveal", "--by", "=zhang")
    book = openpyxl.load_workbook(office.folder / "out.xlsx")
    assert book.sheetnames == ["终端", "外来设备", "说明"]
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert "'=HYPERLINK(1)" in {cell.value for cell in cells}
    assert "13900000001" in {cell.value for cell in cells}


@given(st.text(max_size=60))
def test_a_safe_cell_never_begins_as_a_formula(text: str) -> None:
    """Whatever people are called, behind whatever white space."""
    cell = sheets.safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " "))
    assert not any(char < " " for char in cell)


def test_progress_by_street_counts_each_terminal_where_it_is(office: Office, tmp_path: Path) -> None:
    """Planned, installed, accepted, removed, retired, this week; the warehouse and other makers' units apart."""
    today = datetime.now().astimezone().date()
    rows = [unit(n, street="月坛") for n in (1, 2, 3)]
    rows += [
        unit(4, street="月坛", maker="某某", device_id="mm1"),
        unit(5, street="牛街", installed_on=today.isoformat()),
    ]
    office.take(rows, "--passwords", office.passwords)
    for device_id in ("OKC000010", "OKC000011"):
        office.answer("add", device_id)
    with psycopg.connect(office.database) as conn:
        conn.execute("update device set passed_at = now() where device_id in ('OKC000001', 'OKC000010')")
        conn.execute(
            "update installation set removed_on = installed_on + 9 where device_id in ('OKC000002', 'OKC000003')"
        )
        conn.execute("update device set status = 'stock' where device_id = 'OKC000002'")
        conn.execute("update device set status = 'retired' where device_id = 'OKC000003'")
        conn.execute("insert into device (device_id, status, created_at) values ('OKC000012', 'reserved', now())")
    (tmp_path / "plan.csv").write_text("street,planned\n月坛街道,40\n110102010,7\n")
    done = office.answer("progress", "--planned", str(tmp_path / "plan.csv"), "--xlsx", str(tmp_path / "p.xlsx"))
    found = {each.pop("street"): each for each in done["streets"]}
    empty = dict.fromkeys(
        (
            "in_stock",
            "installed",
            "accepted",
            "removed",
            "retired",
            "this_week",
            "open_visits",
            "proven_120",
            "foreign",
        ),
        0,
    )
    assert found == {
        "月坛": {**empty, "planned": 40, "installed": 1, "accepted": 1, "removed": 2, "retired": 1, "foreign": 1},
        "德胜": {**empty, "planned": 7},
        "牛街": {**empty, "planned": None, "installed": 1, "this_week": 1},
        None: {**empty, "planned": None, "in_stock": 3, "accepted": 1},
    }
    sheet = openpyxl.load_workbook(tmp_path / "p.xlsx").worksheets[0]
    assert [row[0].value for row in sheet.iter_rows()] == ["街道", "月坛", "德胜", "牛街", "（库房）"]
    assert "（库房）" in office.onekey("progress").stdout
    (tmp_path / "plan.csv").write_text("street,planned\n月坛,many\n")
    assert "plan.csv:2: " in office.onekey("progress", "--planned", str(tmp_path / "plan.csv")).stderr


def test_plans_are_made_for_every_home_that_was_taken_over_once(office: Office) -> None:
    """The family is in the terminal for the day when the data line is down."""
    office.take([unit(1), unit(2)], "--passwords", office.passwords)
    assert office.answer("plans") == {"plans": 2}
    assert office.answer("plans") == {"plans": 0}
    bodies = [
        BOX.open(bytes(row[0])) for row in office.rows("select body_sealed from device_config order by device_id")
    ]
    assert "13800000001" in bodies[0]
    assert "13800000002" in bodies[1]


def test_days_that_were_closed_before_a_fleet_was_taken_over_are_named(office: Office) -> None:
    """Finance closes them again."""
    office.answer("add", "OKC000050")
    office.rows(
        "insert into usage_day (device_id, day, status, basis, reason, evidence, rule_version, provisional, decided_at)"
        " values ('OKC000050', '2025-09-01', 'not_installed', 'none', 'no_home', '{}', 1, false, now()) returning 1"
    )
    path = write_csv(office.folder / "in.csv", [unit(1)])
    assert office.answer("import", str(path), "--passwords", office.passwords)["closed_days"] == 1


def test_an_interrupted_import_leaves_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last statement fails: no home, no terminal, no password."""
    from cloud.field import takeover

    monkeypatch.setattr(takeover, "_APPLY", (*takeover._APPLY, "select 1/0"))
    with pytest.raises(psycopg.errors.DivisionByZero):
        CliRunner().invoke(
            app, ["import", str(write_csv(office.folder / "in.csv", [unit(1)])), "--passwords", office.passwords],
            catch_exceptions=False,
        )  # fmt: skip
    assert office.total() == 0
    assert not Path(office.passwords).exists()


def test_a_week_begins_on_monday_in_shanghai(office: Office) -> None:
    """The date from which `this_week` counts is told."""
    since = date.fromisoformat(office.answer("progress")["since"])
    assert since.weekday() == 0
    assert timedelta(0) <= datetime.now().astimezone().date() - since <= timedelta(days=7)
