"""`onekey device people`: what becomes known of elders later, all of a file or nothing."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from cloud.elders.store import open_facts
from tests.tools.device.fleet_files import unit
from tests.tools.device.office import BOX, Office

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ["设备编号", "老人姓名", "出生年份", "能力等级", "健康备注"]


def write(path: Path, *rows: list[str], header: list[str] = HEADER) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def known(office: Office) -> dict[str, tuple[str | None, str | None, str | None]]:
    """By name."""
    found = {}
    for name, birth, care in office.rows("select name_sealed, birth_sealed, care_sealed from elder"):
        facts = open_facts(BOX, birth and bytes(birth), care and bytes(care))
        found[BOX.open(bytes(name))] = facts.birth, facts.care_level, facts.care_notes
    return found


@pytest.fixture
def homes(office: Office) -> Office:
    """Two in the first home, one in the second."""
    both = [unit(1, elder="王淑兰"), unit(1, elder="李福生", maker="某某", device_id="mm1", msisdn="", iccid="")]
    office.take([*both, unit(2, elder="张玉梅")], "--passwords", office.passwords)
    return office


def test_a_later_list_fills_in_and_renews_and_what_it_leaves_open_stays(homes: Office) -> None:
    """By terminal, and by name where several live together; a second time nothing changes."""
    first = write(
        homes.folder / "a.csv", ["OKC000001", "李福生", "1938", "轻度", "听力差"], ["OKC000002", "", "1950", "", ""]
    )
    assert homes.answer("people", first) == {"rows": 2, "changed": 2}
    later = write(homes.folder / "b.csv", ["OKC000001", "李福生", "", "重度", ""])
    assert homes.answer("people", later) == {"rows": 1, "changed": 1}
    assert homes.answer("people", later) == {"rows": 1, "changed": 0}
    assert known(homes) == {
        "王淑兰": (None, None, None), "李福生": ("1938", "重度", "听力差"), "张玉梅": ("1950", None, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (["OKC000001", "", "1938", "", ""], "elder", "which_elder"),
        (["OKC000002", "王淑兰", "1938", "", ""], "elder", "no_elder"),
        (["OKC000009", "", "1938", "", ""], "device_id", "no_home"),
        (["mm1", "", "1938", "", ""], "device_id", "device_id"),
        (["", "", "1938", "", ""], "device_id", "empty"),
        (["OKC000002", "", "", "", ""], "", "no_fact"),
        (["OKC000002", "", "38年", "", ""], "birth", "birth"),
        (["OKC000002", "", "", "一级", ""], "care_level", "care_level"),
        (["OKC000002", "", "", "", "*" * 4], "care_notes", "text"),
        (["OKC000002", "", "1938", "", "", "x"], "", "cells"),
        (["OKC000001", "李福生", "1938", "", ""], "device_id", "twice"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(homes: Office, row: list[str], column: str, code: str) -> None:
    """Nor the good rows around it; what stood in the cells is not repeated."""
    path = write(homes.folder / "a.csv", ["OKC000001", "李福生", "1938", "轻度", "听力差"], row)
    result = homes.onekey("people", path, "--json")
    assert result.exit_code == 3, result.output
    assert json.loads(result.stdout)["problems"] == [{"line": 3, "column": column, "code": code}]
    assert not any(word in result.output for word in ("1938", "李福生", "听力差"))
    assert set(known(homes).values()) == {(None, None, None)}


@pytest.mark.parametrize("header", [["设备编号", "小名"], ["出生年份"], ["设备编号", "设备编号"], ["设备编号", "地址"]])
def test_a_header_that_would_lose_a_column_is_refused(homes: Office, header: list[str]) -> None:
    """Also one that another list may have."""
    result = homes.onekey("people", write(homes.folder / "a.csv", header=header))
    assert (result.exit_code, "a.csv:1: columns unknown" in result.stderr) == (2, True)
