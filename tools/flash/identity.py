"""Provisioning as a step of flashing: identity written with the console still open, locked when all else is done.

In: a board's console, the bench, what is known of the board. Out: facts for the journal; no password is among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.board.journal import utc_now
from tools.provision import reservation, work
from tools.provision.errors import ProvisionError

if TYPE_CHECKING:
    from tools.board.bench import Bench
    from tools.board.console import Console


def ready(bench: Bench) -> None:
    """What this step needs of the bench, asked before the board is touched. Raises BenchError."""
    reservation.plan(bench.folder)
    reservation.key(bench.folder)
    reservation.check_clock(bench.folder, utc_now())


def run(console: Console, bench: Bench, facts: dict[str, Any]) -> dict[str, Any]:
    """The board is a terminal, and the bench's records say so. Raises BenchError."""
    made = work.provision(console, bench.folder, image=facts["image"], now=utc_now(), lock=False)
    return {
        "device": made.device_id,
        "serial": made.serial,
        "imei": made.imei,
        "iccid": made.iccid,
        "board": made.board,
        "record": made.record,
    }


def of(bench: Bench, mac: str) -> str | None:
    """The id that this bench gave to a board."""
    try:
        found = reservation.find(bench.folder, mac)
    except ProvisionError:
        return None  # no reservation is here yet
    return found.device_id if found is not None else None


def lock(console: Console, bench: Bench, facts: dict[str, Any]) -> None:
    """The board starts anew with its program, and its console is deaf. Raises BenchError."""
    reserved = reservation.take(bench.folder, facts["mac"], device_id=facts["device"], iccid=facts["iccid"])
    work.lock_console(console, reserved.lock_hash)
