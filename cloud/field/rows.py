"""One row of a fleet that is taken over: text cells in, a checked row or what is wrong with each cell out. Pure.

Who made a unit is always said: what is not said to be ours never becomes ours. No reason repeats what stood in a cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from cloud.elders.models import CARE_LEVELS, PersonFacts
from cloud.stock.rules import iccid_fault
from protocol import topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# column: other headings that people give it
COLUMNS: dict[str, tuple[str, ...]] = {
    "device_id": ("设备编号", "终端编号"),
    "maker": ("厂家", "品牌"),
    "street": ("街道",),
    "community": ("社区",),
    "address": ("地址", "详细地址"),
    "alone": ("独居", "是否独居"),
    "elder": ("老人姓名", "姓名"),
    "elder_phone": ("老人电话",),
    "birth": ("出生年份", "出生日期"),
    "care_level": ("能力等级",),
    "care_notes": ("健康备注",),
    "msisdn": ("终端号码", "卡号码"),
    "iccid": ("ICCID",),
    "installed_on": ("安装日期",),
    "contact1": ("联系人1",),
    "contact1_number": ("联系人1电话",),
    "contact2": ("联系人2",),
    "contact2_number": ("联系人2电话",),
    "status": ("状态",),  # written by an export; not read
}
REQUIRED = ("device_id", "maker", "street", "community", "address", "alone", "elder", "installed_on")
FACT_COLUMNS = ("device_id", "elder", "birth", "care_level", "care_notes")  # of a list about people who are known
OURS = frozenset({"一键呼", "onekeycall", "okc"})  # how a row says that a unit is ours
OUR_NAME = "一键呼"
_YES, _NO = frozenset({"是", "1", "y", "yes", "true", "独居"}), frozenset({"否", "0", "n", "no", "false", "非独居"})

# As long as the columns of the desk's page; a label is dialled and shown by the terminal.
TEXT_CHARS_MAX = {
    "maker": 30,
    "community": 30,
    "address": 100,
    "elder": 30,
    "care_notes": 200,
    "contact1": 12,
    "contact2": 12,
}
UNIT_ID_CHARS_MAX = 40
NUMBER_DIGITS = (5, 15)  # none of them an emergency number
FIRST_BIRTH = date(1900, 1, 1)  # nobody who lives here is older
FIRST_DAY = date(2010, 1, 1)  # before it nobody had such a terminal: a typing mistake

REASONS = {
    "empty": ("不能为空", "empty"),
    "too_long": ("太长", "too long"),
    "text": ("含有不允许的字符（可能是脱敏文件）", "holds characters that are not allowed (a masked file?)"),
    "device_id": ("应为 6 到 20 位大写字母和数字", "6 to 20 capitals and digits"),
    "unit_id": ("应为不超过 40 个字符的编号", "an id of at most 40 characters"),
    "street": ("不是本区街道名称或代码", "no street of this district"),
    "yes_no": ("应填“是”或“否”", "yes or no"),
    "number": ("应为 5 到 15 位数字", "5 to 15 digits"),
    "iccid": (
        "应为 19 或 20 位且校验位正确；请把该列设为文本格式",
        "19 or 20 digits with their check digit, as text",
    ),
    "date": ("日期应为 年-月-日，且不在今天之后", "a date YYYY-MM-DD, not ahead"),
    "birth": ("应为四位出生年份（如 1941）或出生日期", "a year of birth such as 1941, or a date of birth"),
    "care_level": (
        "应填“完好、轻度、中度、重度、失能”之一",
        "one of 完好 (able), 轻度 (mild), 中度 (moderate), 重度 (severe), 失能 (disabled)",
    ),
    "no_fact": ("没有可登记的内容", "nothing to write down"),
    "no_home": ("该终端不在任何住户家", "a terminal in no home"),
    "which_elder": ("该住户有几位老人，请填姓名", "several elders live there: name one"),
    "no_elder": ("该住户没有这位老人", "no such elder in this home"),
    "no_label": ("有电话而没有称呼", "a number without a label"),
    "no_number": ("有称呼而没有电话", "a label without a number"),
    "cells": ("列数与表头不同", "not as many cells as the header"),
    "twice": ("与前面某行重复", "the same as in an earlier line"),
    "home_twice": ("前面某行已有该住户的终端", "an earlier line has a terminal for this home"),
    "unknown_device": ("登记库中没有；新登记请加 --passwords", "not in the registry; --passwords registers it"),
    "reserved": ("该编号只是预留，请先合并工作台记录", "only reserved; merge the bench's records"),
    "retired": ("该终端已报废或吊销", "retired or revoked"),
    "in_a_home": ("该终端已登记在住户家", "in a home already"),
    "still_elsewhere": ("安装日期早于该终端离开上一户", "before it left another home"),
    "home_has_one": ("该住户已有我方终端", "the home has a terminal of ours"),
    "number_taken": ("号码属于另一台终端", "the number belongs to another terminal"),
    "number_differs": ("与登记库或 SIM 库中的号码不同", "another number is registered for it"),
    "iccid_taken": ("SIM 卡属于另一台终端", "the SIM belongs to another terminal"),
    "known_unit": ("该外来设备已登记", "this foreign unit is known already"),
}

_BAD_CHARS = re.compile(r"[\x00-\x1f\x7f*\ufffd]")


@dataclass(frozen=True)
class Problem:
    """What is wrong in one line; `column` empty: the whole line."""

    line: int
    column: str
    code: str

    def text(self) -> str:
        """In both languages."""
        chinese, english = REASONS[self.code]
        return f"{chinese} / {english}"


@dataclass(frozen=True)
class Row:
    """One unit in a home."""

    line: int
    ours: bool
    device_id: str
    maker: str
    street_code: str
    community: str
    address: str = field(repr=False)
    alone: bool
    elder: str = field(repr=False)
    elder_phone: str | None = field(repr=False)
    facts: PersonFacts = field(repr=False)
    msisdn: str | None = field(repr=False)
    iccid: str | None
    installed_on: date
    contacts: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True)
class Known:
    """What a list says of an elder in the home of a terminal; `elder` None: whoever is the only one."""

    line: int
    device_id: str
    elder: str | None = field(repr=False)
    facts: PersonFacts = field(repr=False)


def column_of(heading: str) -> str | None:
    """The column that a heading means."""
    text = heading.strip().lower()
    for name, others in COLUMNS.items():
        if text == name or text in (other.lower() for other in others):
            return name
    return None


def read_row(line: int, cells: Mapping[str, str], streets: Mapping[str, str], today: date) -> Row | list[Problem]:
    """Check one row. `streets` is code and name to code; cells are stripped text."""
    ours = cells.get("maker", "").lower() in OURS
    values: dict[str, Any] = {
        "street": streets.get(cells.get("street", "").removesuffix("街道")),
        "alone": _alone(cells.get("alone", "")),
        "installed_on": _day(cells.get("installed_on", ""), FIRST_DAY, today),
        "birth": _birth(cells.get("birth", ""), today),
        "care_level": _care_level(cells.get("care_level", "")),
        **{name: _number(cells.get(name, "")) for name in _NUMBER_COLUMNS},
    }
    wrong = [
        *((column, "empty") for column in REQUIRED if not cells.get(column)),
        *_texts(cells),
        *_unit_id(cells.get("device_id", ""), ours=ours),
        *((name, _FORMS[name]) for name, value in values.items() if cells.get(name) and value is None),
        *_contacts_whole(cells),
        *([("iccid", "iccid")] if cells.get("iccid") and iccid_fault(cells["iccid"]) else []),
    ]
    if wrong:
        return [Problem(line, column, code) for column, code in wrong]
    return Row(
        line=line,
        ours=ours,
        device_id=cells["device_id"],
        maker=OUR_NAME if ours else cells["maker"],
        street_code=str(values["street"]),
        community=cells["community"],
        address=cells["address"],
        alone=bool(values["alone"]),
        elder=cells["elder"],
        elder_phone=values["elder_phone"],
        facts=PersonFacts(
            birth=values["birth"], care_level=values["care_level"], care_notes=cells.get("care_notes") or None
        ),
        msisdn=values["msisdn"],
        iccid=cells.get("iccid") or None,
        installed_on=values["installed_on"] or today,
        contacts=tuple(
            (cells[label], number) for label in _LABELS if (number := values[f"{label}_number"]) is not None
        ),
    )


def read_known(line: int, cells: Mapping[str, str], today: date) -> Known | list[Problem]:
    """Check one row of FACT_COLUMNS."""
    birth, level = _birth(cells.get("birth", ""), today), _care_level(cells.get("care_level", ""))
    wrong = [
        *([("device_id", "empty")] if not cells.get("device_id") else []),
        *_unit_id(cells.get("device_id", ""), ours=True),
        *((name, name) for name, value in (("birth", birth), ("care_level", level)) if cells.get(name) and not value),
        *_texts({name: cells.get(name, "") for name in ("elder", "care_notes")}),
        *([("", "no_fact")] if not any(cells.get(name) for name in FACT_COLUMNS[2:]) else []),
    ]
    if wrong:
        return [Problem(line, column, code) for column, code in wrong]
    facts = PersonFacts(birth=birth, care_level=level, care_notes=cells.get("care_notes") or None)
    return Known(line, cells["device_id"], cells.get("elder") or None, facts)


_LABELS = ("contact1", "contact2")
_NUMBER_COLUMNS = ("elder_phone", "msisdn", "contact1_number", "contact2_number")
_FORMS = {
    "street": "street", "alone": "yes_no", "installed_on": "date", "birth": "birth", "care_level": "care_level",
    **dict.fromkeys(_NUMBER_COLUMNS, "number"),
}  # fmt: skip


def _texts(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for column, most in TEXT_CHARS_MAX.items():
        if len(cells.get(column, "")) > most:
            yield column, "too_long"
        elif _BAD_CHARS.search(cells.get(column, "")):
            yield column, "text"


def _unit_id(text: str, *, ours: bool) -> Iterator[tuple[str, str]]:
    if text and ours and not topics.is_device_id(text):
        yield "device_id", "device_id"
    if text and not ours and (len(text) > UNIT_ID_CHARS_MAX or _BAD_CHARS.search(text)):
        yield "device_id", "unit_id"


def _contacts_whole(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for label in _LABELS:
        if bool(cells.get(label)) != bool(cells.get(f"{label}_number")):
            yield label, "no_number" if cells.get(label) else "no_label"


def _alone(text: str) -> bool | None:
    return True if text.lower() in _YES else False if text.lower() in _NO else None


def _number(text: str) -> str | None:
    """Digits of a phone number as people write it, without the country's prefix."""
    digits = re.sub(r"[\s()-]", "", text).removeprefix("+86")
    fits = digits.isascii() and digits.isdigit() and NUMBER_DIGITS[0] <= len(digits) <= NUMBER_DIGITS[1]
    return digits if fits else None


def _birth(text: str, today: date) -> str | None:
    """YYYY or YYYY-MM-DD."""
    year = re.fullmatch(r"(\d{4})年?", text)
    if year is not None:
        return year[1] if FIRST_BIRTH.year <= int(year[1]) <= today.year else None
    day = _day(text, FIRST_BIRTH, today)
    return day.isoformat() if day else None


_STANDARD_LEVELS = dict(zip(("能力完好", "轻度失能", "中度失能", "重度失能", "完全失能"), CARE_LEVELS, strict=True))


def _care_level(text: str) -> str | None:
    """As the district writes it, or in the longer words of the national standard."""
    return text if text in CARE_LEVELS else _STANDARD_LEVELS.get(text)


def _day(text: str, first: date, today: date) -> date | None:
    """A day as people and spreadsheets write it."""
    parts = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(:00)?)?", text)
    if parts is None:
        return None
    try:
        day = datetime(int(parts[1]), int(parts[2]), int(parts[3])).date()  # noqa: DTZ001 - a civil day
    except ValueError:
        return None
    return day if first <= day <= today else None
