"""A contract from a TOML file, for `price` and `contract add`, and back into one for the export.

In: bytes. Out: a Contract, or RefusedError with the line of each mistake. Amounts are decimal texts in CNY with at most
two decimals: a TOML float has no exact value, so it is refused and never rounded.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from typing import Any

from cloud.billing.models import Contract, Problem, RefusedError

FILE_BYTES_MAX = 65_536  # a contract has six lines; more is another file by mistake
NUMBER_CHARS_MAX = 64
TERM_DAYS_MAX = 3_660  # ten years; a longer term is a typing mistake in a date
_MONEY = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,2}))?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_KEYS = ("number", "start", "end", "unit_price", "cap", "prepaid")


class _WrongError(Exception):
    """One value breaks its rule; the text says how."""


def parse_contract(raw: bytes) -> Contract:
    """The contract in a file. Raises RefusedError with every mistake found."""
    text = _text(raw)
    table = _table(text)
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for key in _KEYS:
        try:
            values[key] = _READERS[key](_present(table, key))
        except _WrongError as wrong:
            problems.append(Problem(_line_of(text, key), f"{key}:{wrong}"))
    if not problems:
        problems = _term_problems(text, values["start"], values["end"])
    if problems:
        raise RefusedError(sorted(problems, key=lambda problem: problem.line))
    return Contract(
        number=values["number"],
        starts_on=values["start"],
        ends_on=values["end"],
        unit_price_fen=values["unit_price"],
        cap_fen=values["cap"],
        prepaid_fen=values["prepaid"],
    )


def unknown_keys(raw: bytes) -> list[str]:
    """Keys of the table that no rule reads: worth a warning, they may be typing mistakes."""
    return [key for key in _table(_text(raw)) if key not in _KEYS]


def contract_toml(contract: Contract) -> bytes:
    """The file that `parse_contract` reads back into the same contract."""
    number = contract.number.replace("\\", "\\\\").replace('"', '\\"')
    return (
        "[contract]\n"
        f'number = "{number}"\n'
        f"start = {contract.starts_on.isoformat()}\n"
        f"end = {contract.ends_on.isoformat()}\n"
        f'unit_price = "{yuan(contract.unit_price_fen)}"\n'
        f'cap = "{yuan(contract.cap_fen)}"\n'
        f'prepaid = "{yuan(contract.prepaid_fen)}"\n'
    ).encode()


def yuan(fen: int) -> str:
    """An amount in CNY with two decimals, without any other sign than minus."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _text(raw: bytes) -> str:
    if len(raw) > FILE_BYTES_MAX:
        raise RefusedError([Problem(1, f"文件超过 {FILE_BYTES_MAX} 字节,不是合同文件")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RefusedError([Problem(line, "不是 UTF-8 编码")]) from None


def _table(text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text).get("contract")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line ([0-9]+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise RefusedError([Problem(line, "不是有效的 TOML")]) from None
    except ValueError:
        # tomllib lets the calendar's own error through for a day such as 2025-02-30.
        raise RefusedError([Problem(_impossible_line(text), "不存在的日期")]) from None
    if not isinstance(table, dict):
        raise RefusedError([Problem(1, "缺少 [contract] 表")])
    return table


def _impossible_line(text: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        for found in _DAY.findall(line):
            try:
                date.fromisoformat(found)
            except ValueError:
                return number
    return 1


def _line_of(text: str, key: str) -> int:
    """Where a key stands; where it is missing, the line of the table's head."""
    head = 1
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"""\s*["']?{key}["']?\s*=""", line):
            return number
        if line.strip().startswith("[contract]"):
            head = number
    return head


def _present(table: dict[str, Any], key: str) -> Any:
    if key not in table:
        raise _WrongError("缺少")
    return table[key]


def _number(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= NUMBER_CHARS_MAX or not value.isprintable():
        raise _WrongError(f"须为 1 到 {NUMBER_CHARS_MAX} 个字符的文本")
    if value != value.strip():
        raise _WrongError("首尾不能有空格")
    return value


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise _WrongError("须为日期 YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise _WrongError("不存在的日期") from None


def _fen(value: Any) -> int:
    found = _MONEY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _WrongError('须为带引号的十进制金额,单位元,最多两位小数,如 "39.90"')
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _price_fen(value: Any) -> int:
    fen = _fen(value)
    if fen == 0:
        raise _WrongError("单价须大于零")
    return fen


def _term_problems(text: str, start: date, end: date) -> list[Problem]:
    if end < start:
        return [Problem(_line_of(text, "end"), "end:早于 start")]
    if (end - start).days >= TERM_DAYS_MAX:
        return [Problem(_line_of(text, "end"), f"end:合同期超过 {TERM_DAYS_MAX} 天")]
    return []


_READERS = {
    "number": _number,
    "start": _day,
    "end": _day,
    "unit_price": _price_fen,
    "cap": _fen,
    "prepaid": _fen,
}
