"""A bench in memory: signs records as a real one does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.sealed import Box
from cloud.stock import actions, record
from cloud.stock.models import Card

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
HOTLINE = ("坐席", "01055500009")


def luhn_digit(body: str) -> str:
    """The check digit, worked out by hand: doubled from the right, every second one."""
    table = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(table[int(c)] if at % 2 == 0 else int(c) for at, c in enumerate(reversed(body)))
    return str(-total % 10)


def iccid(number: int) -> str:
    body = f"8986040000{number:09d}"
    return body + luhn_digit(body)


def provisioned(device: str, number: int, **other: Any) -> dict[str, Any]:
    """Fields of a record about the board of that number."""
    return {
        "kind": "provision", "device": device, "serial": f"S{number:05d}", "mac": f"24:0a:c4:00:00:{number:02x}",
        "imei": f"8620000000{number:05d}", "iccid": iccid(number), "board": "okb-a", "firmware": "0.1.0",
        "image": {"name": "okc-0.1.0", "sha256": "ab" * 32, "kind": "home"}, **other,
    }  # fmt: skip


def acceptance(device: str, number: int, *, passed: bool = True, **other: Any) -> dict[str, Any]:
    steps = [{"name": "keys", "passed": passed, "facts": {"keys": 6}}]
    return provisioned(device, number, **{"kind": "accept", "passed": passed, "steps": steps, **other})


class Bench:
    """Reserves, signs, keeps its lines."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.name = made["bench"]
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(made["key"]))
        self.ids = [each["device_id"] for each in made["devices"]]
        self.lines: list[str] = []

    def sign(self, fields: dict[str, Any], at: datetime = NOW, **other: Any) -> str:
        prev = record.line_hash(self.lines[-1]) if self.lines else record.FIRST
        whole = {"bench": self.name, "n": len(self.lines) + 1, "at": record.stamp(at), **fields, **other}
        self.lines.append(record.sign(whole, prev, self.key))
        return self.lines[-1]


async def bench(conn: Conn, name: str = "B01", count: int = 5, cards: int = 9) -> Bench:
    """A bench with ids, and cards in stock."""
    rows = [
        (n, Card(iccid=iccid(n), msisdn=f"1380000{n:04d}", plan="30M", pool="", expires_on=date(2028, 1, 1)))
        for n in range(1, cards + 1)
    ]
    assert await actions.import_cards(conn, BOX, rows, NOW) == []
    return Bench(await actions.reserve(conn, BOX, name, "XC", count, hotline=HOTLINE, now=NOW))


async def column(conn: Conn, device: str, name: str) -> Any:
    cursor = await conn.execute(f"select {name} from device where device_id = %s".encode(), [device])
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
