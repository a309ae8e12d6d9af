"""Rows of CSV and xlsx files, in and out, one at a time: a file of 50,000 terminals never lies in memory.

In: UTF-8 or GB 18030, as spreadsheets write it. Out: text cells that no spreadsheet takes for a formula or a number.
New files are readable by their owner only.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from cloud.billing.export import BOM, text_cell
from cloud.billing.ledger import TEXT_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_MAX = 100_000  # the whole district twice
FILE_BYTES_MAX = 64_000_000  # 100,000 rows of 15 cells are 20 MB as CSV
COLUMNS_MAX = 40
CELL_CHARS_MAX = 500
_CHUNK = 1 << 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEFUSED = re.compile(r"^'(?=[=+\-@])")


class SheetError(Exception):
    """A file cannot be read as rows; `line` 0: the file as a whole."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that is not empty, the header too. Raises SheetError."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SheetError(0, f"larger than {FILE_BYTES_MAX // 1_000_000} MB")
        found = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
        for count, (line, cells) in enumerate(found):
            if count > ROWS_MAX:
                raise SheetError(line, f"more than {ROWS_MAX} rows")
            if len(cells) > COLUMNS_MAX or any(len(cell) > CELL_CHARS_MAX for cell in cells):
                raise SheetError(line, "a row of this length is no list of terminals")
            yield line, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SheetError(0, f"cannot be read ({type(error).__name__})") from None


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding=_encoding(path), newline="") as file:
        reader = csv.reader(file)
        for row in reader:
            cells = [_plain(cell) for cell in row]
            if any(cells):
                yield reader.line_num, cells


def _encoding(path: Path) -> str:
    """UTF-8 if the whole file is; else GB 18030, in which Chinese spreadsheets save CSV."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(_CHUNK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


def _xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise SheetError(0, f"is no xlsx file ({type(error).__name__})") from None
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size may be wrong
        for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            cells = [_text(value) for value in values]
            if any(cells):
                yield line, cells
    finally:
        book.close()


def _text(value: Any) -> str:
    """A cell as it would be typed. A number that lost digits stays recognizably broken."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()[:10] if not isinstance(value, datetime) or not value.time() else value.isoformat()
    return _plain(str(value))


def _plain(cell: str) -> str:
    return _DEFUSED.sub("", cell.strip())


def safe(text: str) -> str:
    """A cell that is text to any spreadsheet: no formula, no control characters, digits kept as they are."""
    return text_cell(_CONTROL.sub(" ", text).lstrip())


class Writer:
    """Sheets of rows; `.xlsx` is one file, anything else a CSV for each sheet, the first under the given name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[Path] = []
        self._book = openpyxl.Workbook(write_only=True) if path.suffix.lower() == ".xlsx" else None
        self._sheet: Any = None
        self._file: Any = None

    def sheet(self, title: str, suffix: str, header: list[str]) -> None:
        """Begin another sheet."""
        if self._book is not None:
            self._sheet = self._book.create_sheet(title)
        else:
            self._close_csv()
            name = self.path.with_name(self.path.stem + suffix + self.path.suffix)
            self._file = os.fdopen(_private(name), "w", encoding="utf-8", newline="")
            self.files.append(name)
            self._file.write(BOM.decode())
            self._sheet = csv.writer(self._file)
        self.row(header)

    def row(self, cells: list[str]) -> None:
        """Add a row to the sheet; every cell is made safe here."""
        texts = [safe(cell) for cell in cells]
        if self._book is None:
            # A spreadsheet would drop the zeros at the start and the digits at the end of a bare number.
            self._sheet.writerow([text + TEXT_MARK if text.isdigit() else text for text in texts])
        else:
            self._sheet.append(texts)

    def close(self) -> list[Path]:
        """Write what is left; the files."""
        if self._book is not None:
            os.close(_private(self.path))
            self.files.append(self.path)
            self._book.save(self.path)
        self._close_csv()
        return self.files

    def discard(self) -> None:
        """Leave nothing behind."""
        self._close_csv()
        for path in self.files:
            path.unlink(missing_ok=True)

    def _close_csv(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
