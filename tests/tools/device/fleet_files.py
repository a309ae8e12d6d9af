"""Files of a fleet for tests: invented people, numbers and cards with a right check digit."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = [
    "device_id", "maker", "street", "community", "address", "alone", "elder", "elder_phone", "msisdn", "iccid",
    "installed_on", "contact1", "contact1_number",
]  # fmt: skip
FULL_HEADER = [*HEADER, "birth", "care_level", "care_notes"]  # with what not every district knows
STREETS = ("月坛", "110102009", "牛街街道")


def iccid(number: int) -> str:
    """A card's number with its check digit."""
    digits = f"898600{number:012d}"
    total = sum(sum(divmod(int(char) * (2 - place % 2), 10)) for place, char in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def unit(number: int, **change: str) -> dict[str, str]:
    """One row of a fleet."""
    return {
        "device_id": f"OKC{number:06d}", "maker": "一键呼", "street": STREETS[number % 3], "community": "示例社区",
        "address": f"{number}号楼1单元101", "alone": "是" if number % 2 else "否", "elder": "王淑兰",
        "elder_phone": f"0105{number:07d}", "msisdn": f"139{number:08d}", "iccid": iccid(number),
        "installed_on": "2025-08-01", "contact1": "女儿", "contact1_number": f"138{number:08d}",
        "birth": "1941", "care_level": "中度", "care_notes": "听力差", **change,
    }  # fmt: skip


def write_csv(path: Path, rows: Iterable[dict[str, str]], header: list[str] = HEADER, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        names = header if header == FULL_HEADER else HEADER
        writer.writerow(header)
        writer.writerows([row[name] for name in names] for row in rows)
    return path


def write_xlsx(path: Path, rows: Iterable[dict[str, Any]], header: list[str] = HEADER) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(header)
    for row in rows:
        sheet.append([row[name] for name in HEADER])
    book.save(path)
    return path
