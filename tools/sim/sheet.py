"""A list of SIM cards as operators send it, CSV or xlsx, read whole and checked line by line.

In: a file with a header. Out: (line, card) of every row, or (line, reason) of every bad one. No
reason repeats a number.
"""

from __future__ import annotations

import csv
import zipfile
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from cloud.stock import rules
from cloud.stock.models import Card

if TYPE_CHECKING:
    from pathlib import Path

ROWS_MAX = 100_000  # the district has 50,000
_BYTES_MAX = 64 << 20
# What the columns are called, here and in lists of operators.
HEADINGS = {
    "iccid": ("iccid", "卡号"),
    "msisdn": ("msisdn", "号码", "手机号", "手机号码"),
    "plan": ("plan", "套餐"),
    "expires_on": ("expires_on", "到期日", "到期日期"),
    "pool": ("pool", "流量池"),
}
NEEDED = ("iccid", "msisdn", "plan", "expires_on")
_TEXT_MAX = 40


class SheetError(Exception):
    """The file as a whole cannot be read; the text says why."""


def read(path: Path) -> tuple[list[tuple[int, Card]], list[tuple[int, str]]]:
    """Cards and faults, each with its line. Raises SheetError."""
    rows = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    header = _header(next(iter(rows), (1, []))[1])
    good: list[tuple[int, Card]] = []
    bad: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for line, cells in rows[1:]:
        if not any(_text(cell) for cell in cells):
            continue
        found = _card({name: cells[at] if at < len(cells) else "" for name, at in header.items()})
        if isinstance(found, str):
            bad.append((line, found))
            continue
        values = {"ICCID": found.iccid, "number": f"n{found.msisdn}"}
        again = [f"the {what} stands in line {seen[value]} already" for what, value in values.items() if value in seen]
        if again:
            bad.append((line, "; ".join(again)))
            continue
        seen |= dict.fromkeys(values.values(), line)
        good.append((line, found))
    if not good and not bad:
        raise SheetError("no cards in it")
    return good, bad


def _card(cells: dict[str, Any]) -> Card | str:
    if any(isinstance(cells[name], (int, float)) for name in ("iccid",)):
        return "the ICCID is a number in the sheet and has lost digits: make the column text"
    iccid, msisdn = _text(cells["iccid"]).rstrip("Ff"), _text(cells["msisdn"])
    fault = rules.iccid_fault(iccid)
    if fault:
        return fault
    if not rules.is_msisdn(msisdn):
        return "the phone number has 5 to 15 digits, without +86 or spaces"
    plan, pool, expires_on = _text(cells["plan"]), _text(cells.get("pool", "")), _day(cells["expires_on"])
    if not 1 <= len(plan) <= _TEXT_MAX or len(pool) > _TEXT_MAX:
        return f"the plan has 1 to {_TEXT_MAX} characters, the pool at most as many"
    if expires_on is None:
        return "the last day is written 2028-12-31"
    return Card(iccid=iccid, msisdn=msisdn, plan=plan, pool=pool, expires_on=expires_on)


def _header(cells: list[Any]) -> dict[str, int]:
    names = [_text(cell).lower() for cell in cells]
    found = {field: names.index(name) for field, known in HEADINGS.items() for name in known if name in names}
    missing = [field for field in NEEDED if field not in found]
    if missing:
        raise SheetError(f"line 1 lacks the columns {', '.join(missing)}")
    return found


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a phone number that a sheet took for a number is whole all the same
    return "" if cell is None else str(cell).strip()


def _day(cell: Any) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"):
        try:
            return datetime.strptime(_text(cell), form).date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:
            continue
    return None


def _csv(path: Path) -> list[tuple[int, list[Any]]]:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise SheetError(f"larger than {_BYTES_MAX >> 20} MiB")
        raw = path.read_bytes()
    except OSError as error:
        raise SheetError(f"cannot be read: {error.strerror}") from None
    for encoding in ("utf-8-sig", "gb18030"):  # the second is what spreadsheets in Chinese save
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise SheetError("neither UTF-8 nor GB 18030")
    reader = csv.reader(text.splitlines())
    try:
        return _bounded([(reader.line_num, list(row)) for row in reader])
    except csv.Error:
        raise SheetError("not a CSV file") from None


def _xlsx(path: Path) -> list[tuple[int, list[Any]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only for this kind
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, InvalidFileException):
        raise SheetError("not an xlsx file") from None
    try:
        rows = book.worksheets[0].iter_rows(max_row=ROWS_MAX + 2, values_only=True)
        return _bounded([(line, list(row)) for line, row in enumerate(rows, 1)])
    finally:
        book.close()


def _bounded(rows: list[tuple[int, list[Any]]]) -> list[tuple[int, list[Any]]]:
    if len(rows) > ROWS_MAX + 1:
        raise SheetError(f"more than {ROWS_MAX} cards")
    return rows
