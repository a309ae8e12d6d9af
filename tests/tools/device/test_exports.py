"""`onekey device export | progress | plans`: what leaves, for whom, and how far the installation is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloud.elders.store import open_facts
from tests.tools.device.fleet_files import FULL_HEADER, unit, write_csv
from tests.tools.device.office import BOX, SECRETS, Office
from tools.device import app, sheets

if TYPE_CHECKING:
    pass


def test_an_export_is_masked_private_and_logged(office: Office) -> None:
    """Who took it out, when, why and how much."""
    path = write_csv(office.folder / "in.csv", [unit(1), unit(2, maker="某某", device_id="mm1")], FULL_HEADER)
    office.answer("import", str(path), "--passwords", office.passwords)
    file = office.folder / "out.csv"
    done = office.answer("export", str(file), "--reason", "月度核对", "--by", "zhang")
    assert (done["ours"], done["foreign"], done["revealed"]) == (1, 1, False)
    text = "".join(Path(each).read_text("utf-8-sig") for each in done["files"])
    assert not any(secret in text for secret in SECRETS)
    assert not any(fact in text for fact in ("1941", "中度", "听力差"))
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
    rows[1] |= {"birth": "1938-05-06", "care_level": "", "care_notes": "=高血压"}
    path = write_csv(office.folder / "in.csv", rows, FULL_HEADER)
    office.answer("import", str(path), "--passwords", office.passwords)
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
    sealed = office.rows("select birth_sealed, care_sealed from elder")
    facts = {open_facts(BOX, bytes(born), bytes(care)) for born, care in sealed}
    assert {(each.birth, each.care_level, each.care_notes) for each in facts} == {
        ("1941", "中度", "听力差"), ("1938-05-06", None, "=高血压"),
    }  # fmt: skip


def test_facts_that_cannot_be_read_are_said_to_be_so(office: Office) -> None:
    """An empty cell would mean that nobody ever knew."""
    path = write_csv(office.folder / "in.csv", [unit(1)], FULL_HEADER)
    office.answer("import", str(path), "--passwords", office.passwords)
    office.rows("update elder set birth_sealed = '\\x0102', care_sealed = '\\x0102' returning 1")
    office.answer("export", str(office.folder / "out.csv"), "--reason", "系统迁移", "--reveal")
    assert (office.folder / "out.csv").read_text("utf-8-sig").count("（无法读取）") == 2


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


def test_a_foreign_unit_whose_home_has_a_terminal_of_ours_is_shown_as_replaced(office: Office) -> None:
    """Both may hang there for a while; only a home without ours still relies on the other maker."""
    rows = [unit(1, maker="某某", device_id="mm1"), unit(1), unit(2, maker="某某", device_id="mm2")]
    rows[0]["msisdn"] = rows[0]["iccid"] = ""
    assert office.take(rows, "--passwords", office.passwords).exit_code == 0
    office.answer("export", str(office.folder / "f.csv"), "--reason", "核对外来设备")
    text = (office.folder / "f-foreign.csv").read_text("utf-8-sig")
    assert [line.rsplit(",", 1)[1] for line in text.splitlines()[1:]] == ["外来设备（已换我方终端）", "外来设备"]
    assert sum(each["foreign"] for each in office.answer("progress")["streets"]) == 1
