"""What the bench of the fleet's tools is fed with: lists of terminals, of homes and of cards, and signed records.

In: how many rows, names of streets, benches with their keys. Out: files. Numbers have 15 digits, so that they are
nobody's; people and addresses are invented.
"""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.stock import record
from cloud.stock.rules import luhn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

HOMES = [
    "device_id", "maker", "street", "community", "address", "alone", "elder", "elder_phone", "msisdn", "iccid",
    "installed_on", "contact1", "contact1_number", "contact2", "contact2_number",
]  # fmt: skip
CARDS = ["iccid", "msisdn", "plan", "expires_on", "pool"]
TERMINALS = ["device_id", "msisdn"]
_STEPS = ("keys", "lamp", "beep", "modem", "sim", "signal", "call", "battery", "mains", "link")  # of a real test


def iccid(number: int) -> str:
    """A card's number with its check digit."""
    digits = f"898604{number:013d}"
    return next(digits + last for last in "0123456789" if luhn(digits + last))


def phone(kind: int, number: int) -> str:
    """A number of 15 digits, another for each kind: as long as the registry takes, and nobody's."""
    return f"13800000{kind}{number:06d}"


def terminals(rows: int) -> Iterator[list[str]]:
    """A lorry of new terminals."""
    for n in range(1, rows + 1):
        yield [f"OKC{n:06d}", phone(1, n)]


def homes(rows: int, streets: list[str]) -> Iterator[list[str]]:
    """A running fleet; every tenth unit is another maker's."""
    for n in range(1, rows + 1):
        foreign = n % 10 == 0
        yield [
            f"A-{n}" if foreign else f"OKC{n:06d}", "示例厂" if foreign else "一键呼", streets[n % len(streets)],
            f"示例社区{n % 7}", f"示例路{n}号1单元101", "是" if n % 2 else "否", f"老人{n}", phone(2, n), phone(1, n),
            iccid(n), "2025-08-01", "女儿", phone(3, n), "儿子", phone(4, n),
        ]  # fmt: skip


def cards(rows: int) -> Iterator[list[str]]:
    """An operator's list."""
    for n in range(1, rows + 1):
        yield [iccid(n), phone(1, n), "30M", "2030-12-31", f"P{n % 3}"]


def records(made: Iterable[dict[str, Any]], now: datetime) -> Iterator[str]:
    """What benches sign about each board of their reservations: that it was provisioned, and its test."""
    number = 0
    for bench in made:
        key, prev, n = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(bench["key"])), record.FIRST, 0
        for each in bench["devices"]:
            number += 1
            for fields in _board(each["device_id"], number):
                n += 1
                at = record.stamp(now - timedelta(days=30) + timedelta(seconds=20 * n))
                line = record.sign({"bench": bench["bench"], "n": n, "at": at, **fields}, prev, key)
                prev = record.line_hash(line)
                yield line


def _board(device_id: str, number: int) -> list[dict[str, Any]]:
    raw = f"{number:06x}"
    about = {
        "device": device_id, "serial": f"S{number:06d}", "mac": f"24:0a:c4:{raw[:2]}:{raw[2:4]}:{raw[4:]}",
        "imei": f"862000000{number:06d}", "iccid": iccid(number), "board": "okb-a", "firmware": "0.1.0",
        "image": {"name": "okc-0.1.0", "sha256": "ab" * 32, "kind": "home"},
    }  # fmt: skip
    steps = [{"name": name, "passed": True, "facts": {"seen": 3, "ms": 412}} for name in _STEPS]
    return [{"kind": "provision", **about}, {"kind": "accept", **about, "passed": True, "steps": steps}]


def write_csv(path: Path, header: list[str], rows: Iterable[list[str]]) -> Path:
    """As UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_xlsx(path: Path, header: list[str], rows: Iterable[list[str]]) -> Path:
    """One sheet, every cell text."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path
