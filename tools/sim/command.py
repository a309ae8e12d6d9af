"""The commands of `onekey sim`: import, list, export; those of the operator's platform are in platform.py.

In: operators' lists of cards. Out: cards in stock with their numbers sealed, all of a file or none; a bench's copy.
No command shows a phone number or a whole ICCID.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import clock
from cloud.days import shanghai_day
from cloud.settings import RegistrySettings
from cloud.stock import actions, store
from tools.registry import BAD_ROWS_EXIT
from tools.sim import platform, sheet
from tools.stock.registry import NewFile, do, refused, say

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.sealed import Box

app = typer.Typer(no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
SHOWN_MAX = 50  # bad rows on a screen; the rest is counted
SOON_DAYS = 60  # a renewal takes a month at an operator's


class _BadRows(Exception):  # noqa: N818 - rolls the transaction back
    def __init__(self, rows: list[tuple[int, str]]) -> None:
        super().__init__()
        self.rows = rows


@app.callback()
def _sim() -> None:
    """SIM cards in stock, and what the operator's platform says of them."""


platform.add_to(app)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or xlsx: iccid, msisdn, plan, expires_on, pool.")],
    as_json: Json = False,
) -> None:
    """Take the cards of a list: all of them, or none if a row is wrong. The same list again renews plan and date."""
    try:
        cards, bad = sheet.read(file)
    except sheet.SheetError as error:
        raise refused(f"{file.name} 无法读取", f"{file}: {error}") from None

    async def work(conn: Conn, box: Box, _settings: RegistrySettings) -> None:
        clashes = await actions.import_cards(conn, box, cards, clock.now())
        if bad or clashes:
            raise _BadRows(sorted(bad + clashes))

    try:
        do(work, RegistrySettings)
    except _BadRows as found:
        _say_bad(file, found.rows, as_json)
        raise typer.Exit(BAD_ROWS_EXIT) from None
    say(as_json, {"cards": len(cards), "bad": []}, f"入库 {len(cards)} 张卡 / {len(cards)} cards in stock")


def _say_bad(file: Path, rows: list[tuple[int, str]], as_json: bool) -> None:
    if as_json:
        say(as_json, {"cards": 0, "bad": [{"line": line, "reason": reason} for line, reason in rows]}, "")
    for line, reason in rows[:SHOWN_MAX]:
        typer.echo(f"{file}:{line}: {reason}", err=True)
    if len(rows) > SHOWN_MAX:
        typer.echo(f"… {len(rows) - SHOWN_MAX} more", err=True)
    refused(f"{len(rows)} 行有误，未入库任何卡", f"{len(rows)} bad rows, nothing was imported")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """How many cards are free and in terminals, by plan and pool, and how many end soon."""
    found = do(lambda conn, _box, _settings: store.cards(conn), RegistrySettings)
    today = shanghai_day(clock.now())
    groups: Counter[tuple[str, str]] = Counter()
    used: Counter[tuple[str, str]] = Counter()
    ending: Counter[tuple[str, str]] = Counter()
    for card in found:
        group = (card.plan, card.pool)
        groups[group] += 1
        used[group] += card.device_id is not None
        ending[group] += (card.expires_on - today).days < SOON_DAYS
    rows: list[dict[str, Any]] = [
        {"plan": g[0], "pool": g[1], "cards": n, "in_terminals": used[g], f"end_within_{SOON_DAYS}_days": ending[g]}
        for g, n in sorted(groups.items())
    ]
    lines = [
        f"{row['plan']:<20} {row['pool'] or '-':<12} {row['cards']:>6} cards {row['in_terminals']:>6} in terminals"
        f" {row[f'end_within_{SOON_DAYS}_days']:>6} end within {SOON_DAYS} days"
        for row in rows
    ]
    say(as_json, {"sims": rows}, "\n".join(lines) or "没有卡 / no cards")


@app.command()
def export(
    bench: Annotated[str, typer.Option(help="Name of the bench.")],
    out: Annotated[Path, typer.Option(help="New file, readable by you only.")],
    as_json: Json = False,
) -> None:
    """The free cards for a bench, without their numbers: what it can check a caller's number with."""

    async def work(conn: Conn, box: Box, _settings: RegistrySettings) -> int:
        key, proofs = await actions.card_proofs(conn, box, bench)
        file.write({"v": 1, "bench": bench, "proof_key": key.hex(), "sims": proofs, "devices": []})
        return len(proofs)

    with NewFile(out) as file:
        count = do(work, RegistrySettings)
    say(as_json, {"bench": bench, "cards": count, "file": str(out)}, f"{count} 张卡 / cards: {out}")
