"""An answer of the platform against its contract, entry by entry. In: decoded JSON. Out: cards and pools. Pure.

A bad entry is skipped and counted under the field that is wrong, never with its value; an answer whose frame is wrong
raises. Fields that the contract does not have are not looked at, whatever is in them.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from cloud.carrier.models import Card, Page, Pool
from cloud.stock.rules import iccid_fault

BYTES_MAX = 1 << 50  # a petabyte: more than an operator sells to a district
CARDS_MAX = 10_000_000
NAME_MAX = 40
CURSOR_MAX = 512
AHEAD = timedelta(minutes=10)  # clocks of others; beyond that its times cannot be judged
YEARS = range(2000, 2100)  # a date outside is nobody's, and arithmetic with it may fail

_Bytes = Annotated[int, Meta(ge=0, le=BYTES_MAX)]
_Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
_Moment = Annotated[datetime, Meta(tz=True)]


class _Card(msgspec.Struct, frozen=True):
    iccid: str
    status: Literal["stock", "test", "activated", "suspended", "stopped", "terminated"]
    voice_enabled: bool
    data_used_bytes: _Bytes
    data_quota_bytes: _Bytes | None
    pool: _Name | None
    expires_on: date | None
    imei_lock: bool
    bound_imei: Annotated[str, Meta(pattern="^[0-9]{15}$")] | None
    updated_at: _Moment


class _Pool(msgspec.Struct, frozen=True):
    name: _Name
    quota_bytes: _Bytes
    used_bytes: _Bytes
    cards: Annotated[int, Meta(ge=0, le=CARDS_MAX)]
    cycle_start: date
    cycle_end: date
    cut_off_when_exhausted: bool


class _Frame(msgspec.Struct, frozen=True):
    as_of: _Moment


class _Cards(_Frame, frozen=True):
    cards: list[Any]
    next_cursor: Annotated[str, Meta(min_length=1, max_length=CURSOR_MAX)] | None


class _Pools(_Frame, frozen=True):
    pools: list[Any]


class NotTheContract(Exception):  # noqa: N818 - reads as what is said of the answer
    """The answer as a whole has not the agreed form; the text names the field."""


StructT = TypeVar("StructT", bound=msgspec.Struct)
FrameT = TypeVar("FrameT", bound=_Frame)


def cards(body: Any, now: datetime) -> Page:
    """One page. Raises NotTheContract."""
    frame = _frame(body, _Cards, now)
    told_at = min(frame.as_of, now)
    found, listed, skipped = [], set(), Counter[str]()
    for raw in frame.cards:
        iccid = raw.get("iccid") if isinstance(raw, dict) else None
        if not isinstance(iccid, str) or iccid_fault(iccid) is not None:
            skipped["iccid"] += 1
            continue
        listed.add(iccid)
        try:
            entry = _checked(raw, _Card)
        except NotTheContract as fault:
            skipped[str(fault)] += 1
            continue
        found.append(_card(entry, told_at))
    return Page(cards=found, listed=listed, skipped=skipped, next_cursor=frame.next_cursor, told_at=told_at)


def pools(body: Any, now: datetime) -> tuple[list[Pool], Counter[str], datetime]:
    """All pools, what was skipped, and when it was true. Raises NotTheContract."""
    frame = _frame(body, _Pools, now)
    told_at = min(frame.as_of, now)
    found, skipped = [], Counter[str]()
    for raw in frame.pools:
        try:
            entry = _checked(raw, _Pool)
        except NotTheContract as fault:
            skipped[f"pool.{fault}"] += 1
            continue
        if entry.cycle_end < entry.cycle_start:
            skipped["pool.cycle_end"] += 1
            continue
        found.append(
            Pool(
                name=entry.name, quota_bytes=entry.quota_bytes, used_bytes=entry.used_bytes, cards=entry.cards,
                cycle_start=entry.cycle_start, cycle_end=entry.cycle_end, cut_off=entry.cut_off_when_exhausted,
                told_at=told_at,
            )
        )  # fmt: skip
    return found, skipped, told_at


def _card(entry: _Card, told_at: datetime) -> Card:
    return Card(
        iccid=entry.iccid, status=entry.status, voice=entry.voice_enabled, data_used_bytes=entry.data_used_bytes,
        data_quota_bytes=entry.data_quota_bytes, pool=entry.pool or "", expires_on=entry.expires_on,
        bound_imei=entry.bound_imei if entry.imei_lock else None, changed_at=min(entry.updated_at, told_at),
        told_at=told_at,
    )  # fmt: skip


def _frame(body: Any, kind: type[FrameT], now: datetime) -> FrameT:
    frame = _checked(body, kind)
    if frame.as_of > now + AHEAD:
        raise NotTheContract("as_of lies ahead")
    return frame


def _checked(raw: Any, kind: type[StructT]) -> StructT:
    """By its types, and what types do not say: a text that can be stored, a date that can be reckoned with."""
    try:
        made = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise NotTheContract(_field(error)) from None
    for name, value in msgspec.structs.asdict(made).items():
        if isinstance(value, str) and not value.isprintable():
            raise NotTheContract(name)
        if isinstance(value, date) and value.year not in YEARS:  # a moment is a date as well
            raise NotTheContract(name)
    return made


def _field(error: msgspec.ValidationError) -> str:
    """Which field; the library's sentence may hold what was given."""
    text = str(error)
    at = re.search(r"at `\$\.([a-z_]+)", text) or re.search(r"missing required field `([a-z_]+)`", text)
    return at[1] if at else "form"
