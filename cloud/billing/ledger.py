"""A usage ledger in CSV, read line by line: chunks of bytes in, normal days per terminal out.

Header `device_id,day,status` with an optional fourth column `home`; UTF-8, a BOM and CRLF are accepted.
Anything else is refused with its line and nothing is counted. Needs no database, keeps four bytes per device-day.
"""

from __future__ import annotations

import re
from array import array
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cloud.billing.models import PAID_STATUS, STATUSES, Contract, Problem, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADER = ["device_id", "day", "status"]
HEADER_WITH_HOME = [*HEADER, "home"]
PROBLEMS_MAX = 100  # a person mends a screenful at a time; the rest is seen in the next run
LINE_BYTES_MAX = 4_096  # a row has about forty bytes; more is not a ledger
CELLS_MAX = 150_000_000  # device-days held at four bytes each: 600 MB, room for 400,000 terminals over a year
# An auditor's ledger may hold units that never spoke our protocol: any id that is one word and no formula.
DEVICE_CHARS_MAX = 64
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HOME_CHARS_MAX = 64
SPELLINGS_MAX = 100_000  # ways of writing a day and status, or a terminal, that are remembered for speed
TEXT_MARK = "\t"  # one may follow an id: a spreadsheet then keeps the id as text
_BOM = b"\xef\xbb\xbf"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CELL = re.compile(r'"((?:[^"]|"")*)"|([^",]*)')


class _WrongError(Exception):
    """One row breaks a rule; the text says which."""


def read_ledger(chunks: Iterable[bytes], contract: Contract) -> dict[str, int]:
    """Normal days of every terminal in the ledger. Raises RefusedError with the problems of the file."""
    ledger = _Ledger(contract)
    for lines in _lines(chunks):
        ledger.take(lines)
    return ledger.finish()


def _lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Whole lines without their LF, a batch per chunk. The last line needs none."""
    rest, first, count = b"", True, 0
    for chunk in chunks:
        rest += chunk
        if first and len(rest) >= len(_BOM):
            rest, first = rest.removeprefix(_BOM), False
        lines = rest.split(b"\n")
        rest = lines.pop()
        count += len(lines)
        yield lines
        if len(rest) > LINE_BYTES_MAX:
            raise RefusedError([Problem(count + 1, f"一行超过 {LINE_BYTES_MAX} 字节,不是台账")], more=True)
    if rest:
        yield [rest]


class _Ledger:
    """The table of what has been seen: per terminal an array of the lines where its days stand.

    Rows are looked up as they are spelt; only a spelling met for the first time is parsed and judged in full,
    so that a year of 50,000 terminals takes seconds. The last slot of a terminal's array counts its normal days.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.line = 0
        self.with_home = False
        self.problems: list[Problem] = []
        self.terminals: dict[str, array[int]] = {}
        self.homes: dict[str, array[int]] = {}
        self._by_spelling: dict[bytes, array[int]] = {}
        self._home_by_spelling: dict[bytes, array[int] | None] = {}
        self._slots: dict[bytes, int] = {}  # "day,status" as spelt -> place of the day * 2 + normal
        self._days = {
            (contract.starts_on + timedelta(days=place)).isoformat(): place for place in range(contract.term_days)
        }

    def take(self, lines: list[bytes]) -> None:
        """Read a batch of lines."""
        if self.line == 0 and lines:
            self._head(lines[0])
            self.line = 1
            lines = lines[1:]
        if self.with_home:
            self._take_with_home(lines)
        else:
            self._take_plain(lines)

    def finish(self) -> dict[str, int]:
        """Normal days per terminal, once every line has been read."""
        if self.line == 0:
            self._problem(1, "空文件,缺少表头")
        if self.problems:
            raise RefusedError(self.problems)
        return {device: seen[-1] for device, seen in self.terminals.items()}

    def _head(self, line: bytes) -> None:
        try:
            cells = _split(line)
        except _WrongError as wrong:
            raise RefusedError([Problem(1, str(wrong))], more=True) from None
        if cells not in (HEADER, HEADER_WITH_HOME):
            raise RefusedError([Problem(1, f"表头须为 {','.join(HEADER)}[,home]")], more=True)
        self.with_home = cells == HEADER_WITH_HOME

    def _take_plain(self, lines: list[bytes]) -> None:
        slots, terminals = self._slots, self._by_spelling
        number = self.line
        for line in lines:
            number += 1
            device, _, rest = line.partition(b",")
            try:
                slot = slots[rest]
                seen = terminals[device]
            except KeyError:
                self._judge(line, number)
                continue
            place = slot >> 1
            if seen[place]:
                self._twice(number, seen[place])
                continue
            seen[place] = number
            seen[-1] += slot & 1
        self.line = number

    def _take_with_home(self, lines: list[bytes]) -> None:
        slots, terminals, homes = self._slots, self._by_spelling, self._home_by_spelling
        number = self.line
        for line in lines:
            number += 1
            device, _, rest = line.partition(b",")
            rest, _, home = rest.rpartition(b",")
            try:
                slot = slots[rest]
                seen = terminals[device]
                lived = homes[home]
            except KeyError:
                self._judge(line, number)
                continue
            place = slot >> 1
            # What `_put` does, without a call per row: this loop runs 18 million times.
            if seen[place] or (lived is not None and slot & 1 and lived[place]):
                self._put(number, seen, slot, lived)
                continue
            seen[place] = number
            if slot & 1:
                seen[-1] += 1
                if lived is not None:
                    lived[place] = number
        self.line = number

    def _put(self, number: int, seen: array[int], slot: int, lived: array[int] | None) -> None:
        place, normal = slot >> 1, slot & 1
        if seen[place]:
            self._twice(number, seen[place])
            return
        seen[place] = number
        seen[-1] += normal
        if not normal or lived is None:
            return
        if lived[place]:
            self._problem(number, f"同一住户同一天已有一个正常日(第 {lived[place]} 行)")
        else:
            lived[place] = number

    def _judge(self, line: bytes, number: int) -> None:
        """Parse a row that is not known by its spelling; say what is wrong with it, or remember the spelling."""
        try:
            cells = _cells(line, len(HEADER_WITH_HOME if self.with_home else HEADER))
            seen = self._terminal(cells[0])
            slot = self._slot(cells[1], cells[2])
            lived = self._home(cells[3]) if self.with_home else None
        except _WrongError as wrong:
            self._problem(number, str(wrong))
            return
        self._remember(line, seen, slot, lived)
        self._put(number, seen, slot, lived)

    def _remember(self, line: bytes, seen: array[int], slot: int, lived: array[int] | None) -> None:
        device, _, rest = line.partition(b",")
        home = b""
        if self.with_home:
            rest, _, home = rest.rpartition(b",")
        # A quoted comma moves the borders of the parts; such a row is parsed each time.
        if line.count(b",") != (3 if self.with_home else 2):
            return
        if len(self._by_spelling) < len(self.terminals) + SPELLINGS_MAX:
            self._by_spelling[device] = seen
        if len(self._slots) < SPELLINGS_MAX:
            self._slots[rest] = slot
        if self.with_home and len(self._home_by_spelling) < len(self.homes) + SPELLINGS_MAX:
            self._home_by_spelling[home] = lived

    def _terminal(self, device: str) -> array[int]:
        device = device.removesuffix(TEXT_MARK)
        if device in self.terminals:
            return self.terminals[device]
        if not _DEVICE.fullmatch(device):
            raise _WrongError(f"设备编号须为至多 {DEVICE_CHARS_MAX} 位字母、数字及 . _ -,以字母或数字开头")
        self.terminals[device] = self._row(len(self.terminals))
        return self.terminals[device]

    def _home(self, home: str) -> array[int] | None:
        """The household's row; an empty cell is no household."""
        home = home.removesuffix(TEXT_MARK)
        if not home:
            return None
        if home in self.homes:
            return self.homes[home]
        # A space that nobody sees would make two homes of one, and a swap would be paid twice.
        if len(home) > HOME_CHARS_MAX or not home.isprintable() or home != home.strip():
            raise _WrongError(f"住户编号须为至多 {HOME_CHARS_MAX} 个可见字符,首尾不能有空格")
        self.homes[home] = self._row(len(self.homes))
        return self.homes[home]

    def _row(self, rows: int) -> array[int]:
        if (rows + 1) * (self.contract.term_days + 1) > CELLS_MAX:
            raise RefusedError([*self.problems, Problem(self.line + 1, "设备或住户过多,超出可计算的规模")], more=True)
        return array("I", bytes(4 * (self.contract.term_days + 1)))

    def _slot(self, day: str, status: str) -> int:
        place = self._days.get(day)
        if place is None:
            raise _WrongError(_day_reason(day))
        if status not in STATUSES:
            raise _WrongError("状态须为 " + "、".join(STATUSES) + " 之一")
        return place * 2 + (status == PAID_STATUS)

    def _twice(self, number: int, first: int) -> None:
        self._problem(number, f"同一设备同一天重复(第 {first} 行已有)")

    def _problem(self, number: int, reason: str) -> None:
        self.problems.append(Problem(number, reason))
        if len(self.problems) >= PROBLEMS_MAX:
            raise RefusedError(self.problems, more=True)


def _cells(line: bytes, wanted: int) -> list[str]:
    """The cells of a row that must have so many."""
    cells = _split(line)
    if len(cells) != wanted:
        raise _WrongError(f"应有 {wanted} 列,实有 {len(cells)} 列")
    return cells


def _split(line: bytes) -> list[str]:
    """The cells of one row. No legal value holds a line break, so a quote that stays open is broken."""
    if not line.strip():
        raise _WrongError("空行")
    try:
        text = line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        raise _WrongError("不是 UTF-8 编码") from None
    if '"' not in text:
        return text.split(",")
    cells, place = [], 0
    while True:
        found = _CELL.match(text, place)
        if found is None or (found.end() < len(text) and text[found.end()] != ","):
            raise _WrongError("引号不成对或位置不对")
        cells.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        if found.end() == len(text):
            return cells
        place = found.end() + 1


def _day_reason(day: str) -> str:
    """Why a day is not one of the term."""
    if not _DAY.fullmatch(day):
        return "日期须写作 YYYY-MM-DD"
    try:
        date.fromisoformat(day)
    except ValueError:
        return "不存在的日期"
    return "日期不在合同期内"
