"""`onekey device import` of a running fleet: all of it or nothing, foreign units apart."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloud.elders.store import open_facts
from cloud.field.rows import COLUMNS
from tests.tools.device.fleet_files import FULL_HEADER, HEADER, iccid, unit, write_csv, write_xlsx
from tests.tools.device.office import BOX, SECRETS, Office

if TYPE_CHECKING:
    pass


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
        ({"birth": "1899"}, "birth", "birth"),
        ({"birth": "2999"}, "birth", "birth"),
        ({"birth": "85岁"}, "birth", "birth"),
        ({"birth": "1941-02-30"}, "birth", "birth"),
        ({"birth": "****"}, "birth", "birth"),
        ({"care_level": "三级"}, "care_level", "care_level"),
        ({"care_notes": "听" * 201}, "care_notes", "too_long"),
        ({"care_notes": "****"}, "care_notes", "text"),
        ({"contact1": ""}, "contact1", "no_label"),
        ({"contact1_number": ""}, "contact1", "no_number"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column_and_nothing_is_imported(
    office: Office, change: dict[str, str], column: str, code: str
) -> None:
    """Not even the good lines around it; the value is not repeated."""
    path = write_csv(office.folder / "in.csv", [unit(2), unit(1, **change), unit(3)], FULL_HEADER)
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


@pytest.mark.parametrize(
    ("birth", "level", "facts"),
    [
        ("1941", "中度", ("1941", "中度")),
        ("1941年", "中度失能", ("1941", "中度")),
        ("1941/5/6", "能力完好", ("1941-05-06", "完好")),
        ("1941-05-06", "完全失能", ("1941-05-06", "失能")),
        ("", "", (None, None)),
    ],
)
def test_age_and_care_of_a_person_come_in_sealed(
    office: Office, birth: str, level: str, facts: tuple[str | None, str | None]
) -> None:
    """As districts write them, or not at all; nothing of it is readable without the key."""
    path = write_csv(office.folder / "in.csv", [unit(1, birth=birth, care_level=level, care_notes="")], FULL_HEADER)
    office.answer("import", str(path), "--passwords", office.passwords)
    ((born, care),) = office.rows("select birth_sealed, care_sealed from elder")
    found = open_facts(BOX, born and bytes(born), care and bytes(care))
    assert (found.birth, found.care_level, found.care_notes) == (*facts, None)
    assert (born is None, care is None) == (not birth, not level)
    if birth:
        assert birth[:4].encode() not in bytes(born)


def test_a_newer_list_renews_what_is_known_of_a_person_and_its_silence_forgets_nothing(office: Office) -> None:
    """An assessment is repeated every few years; a list without these columns says nothing about them."""
    foreign = {"maker": "某某", "device_id": "mm1", "msisdn": "", "iccid": ""}
    assert office.take([unit(1, **foreign)], name="a.csv").exit_code == 0  # without the columns
    full = [unit(1, **{**foreign, "device_id": "mm2"}, birth="1941", care_level="轻度", care_notes="听力差")]
    office.answer("import", str(write_csv(office.folder / "b.csv", full, FULL_HEADER)))
    later = [unit(1, **{**foreign, "device_id": "mm3"}, birth="", care_level="重度", care_notes="")]
    office.answer("import", str(write_csv(office.folder / "c.csv", later, FULL_HEADER)))
    assert office.take([unit(1)], "--passwords", office.passwords, name="d.csv").exit_code == 0
    ((born, care),) = office.rows("select birth_sealed, care_sealed from elder")
    found = open_facts(BOX, bytes(born), bytes(care))
    assert (found.birth, found.care_level, found.care_notes) == ("1941", "重度", "听力差")


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
