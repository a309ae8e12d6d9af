"""The settlement's files: ledger, amounts, contract and a manifest with their SHA-256, written to a folder.

Same ledger, same bytes: nothing in them says when or where they were made. `onekey billing price` reads the ledger
and the contract back without a database. Cells are safe to open in a spreadsheet: ids stay text, nothing is a formula.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cloud.billing import store
from cloud.billing.actions import contract_of
from cloud.billing.contract_file import contract_toml, yuan
from cloud.billing.ledger import HEADER_WITH_HOME, TEXT_MARK
from cloud.billing.models import Amount, Contract
from cloud.billing.pricing import price
from cloud.errors import BadInput

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from psycopg import AsyncConnection

BOM = b"\xef\xbb\xbf"
LEDGER, AMOUNTS_CSV, AMOUNTS_JSON, CONTRACT, MANIFEST = (
    "ledger.csv",
    "amounts.csv",
    "amounts.json",
    "contract.toml",
    "manifest.json",
)
# What a spreadsheet takes for a number (123456, 1234E5) or for a month (MAR2025), although it is an id.
NUMERIC_IDS = "^([0-9]+(E[0-9]+)?|[0-9]*(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]*[0-9]*)$"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Export:
    """What was written: the manifest, and the amount that it is about."""

    contract: Contract
    through: date
    amount: Amount
    manifest: dict[str, Any] = field(repr=False)


async def export(conn: AsyncConnection[Any], number: str, through: date, folder: Path) -> Export:
    """Write the files of a contract through a date into a folder; files of the same names are replaced, each whole."""
    contract = await contract_of(conn, number)
    if through < contract.starts_on:
        raise BadInput("the date lies before the contract's first day")
    end = min(through, contract.ends_on)
    amount = price(contract, await store.normal_days(conn, contract.starts_on, end))
    files = {LEDGER: await _write_ledger(conn, contract, end, folder / LEDGER)}
    for name, content in (
        (AMOUNTS_CSV, amounts_csv(contract, amount)),
        (AMOUNTS_JSON, json_bytes(amount_object(amount))),
        (CONTRACT, contract_toml(contract)),
    ):
        files[name] = _write(folder / name, content)
    manifest = await _manifest(conn, contract, end, amount, files)
    _write(folder / MANIFEST, json_bytes(manifest))
    return Export(contract, end, amount, manifest)


def amount_object(amount: Amount) -> dict[str, Any]:
    """The amount as `price --json` prints it."""
    return asdict(amount)


def json_bytes(value: Any) -> bytes:
    """One JSON text, the same bytes for the same value."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def amounts_csv(contract: Contract, amount: Amount) -> bytes:
    """Lines and sums for a spreadsheet, headings in Chinese."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(["设备编号", "正常使用天数", "金额(分)", "金额(元)"])
    rows.writerows([id_cell(line.device_id), line.days, line.fen, yuan(line.fen)] for line in amount.lines)
    rows.writerow(["合计(未封顶)", amount.device_days, amount.uncapped_fen, yuan(amount.uncapped_fen)])
    over = amount.total_fen - amount.uncapped_fen
    for name, fen in (
        ("封顶核减", over),
        ("应结算", amount.total_fen),
        ("已预付", amount.prepaid_fen),
        ("应付(正)或应退(负)", amount.balance_fen),
    ):
        rows.writerow([name, "", fen, yuan(fen)])
    rows.writerow(["合同编号", text_cell(contract.number), "", ""])
    return BOM + text.getvalue().encode()


def id_cell(device_id: str) -> str:
    """A device id that a spreadsheet leaves as it is."""
    return device_id + TEXT_MARK if re.fullmatch(NUMERIC_IDS, device_id) else device_id


def text_cell(text: str) -> str:
    """A free text that a spreadsheet will not run as a formula."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


async def _write_ledger(conn: AsyncConnection[Any], contract: Contract, end: date, path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        head = BOM + ",".join(HEADER_WITH_HOME).encode() + b"\n"
        file.write(head)
        digest.update(head)
        size += len(head)
        async for block in store.ledger_csv(conn, contract.starts_on, end, NUMERIC_IDS):
            file.write(block)
            digest.update(block)
            size += len(block)
    part.replace(path)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _write(path: Path, content: bytes) -> dict[str, Any]:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


async def _manifest(
    conn: AsyncConnection[Any], contract: Contract, end: date, amount: Amount, files: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """What the files hold, and what is still open behind them."""
    missing, provisional = await store.unclosed_days(conn, contract.starts_on, end)
    return {
        "contract": contract.number,
        "from": contract.starts_on.isoformat(),
        "through": end.isoformat(),
        "rule_versions": await store.rules_used(conn, contract.starts_on, end),
        "devices": len(amount.lines),
        "statuses": await store.status_counts(conn, contract.starts_on, end),
        "days_without_verdict": [day.isoformat() for day in missing],
        "days_provisional": [day.isoformat() for day in provisional],
        "days_outdated": [day.isoformat() for day in await store.outdated_days(conn, contract.starts_on, end)],
        "total_fen": amount.total_fen,
        "files": files,
    }
