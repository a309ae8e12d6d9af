"""One board becomes one terminal: parts asked of the board, identity bound to it, written, read back, recorded, locked.

In: a console, the bench's folder. Out: what the terminal is now. Every step may be cut short: the board's identity is
on the bench's disk before its storage is touched, and the next run goes on with the same one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tools.board.texts import BenchError
from tools.provision import on_board, records, reservation
from tools.provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tools.provision.reservation import Plan, Reserved

UNKNOWN = {"name": "unknown", "sha256": "0" * 64, "kind": "trial"}  # nobody at this bench wrote it
STEPS = ("facts", "modem", "bind", "write", "check", "record", "wipe", "lock")


class Console(Protocol):
    """What is asked of tools/board/console.py."""

    def run(self, source: str, timeout_s: float | None = None, **values: Any) -> str:
        """Run Python on the board; what it printed."""
        ...

    def reset(self) -> None:
        """Start the board anew."""
        ...


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """What the board is now."""

    device_id: str
    serial: str
    mac: str
    imei: str
    iccid: str
    board: str
    firmware: str
    record: int
    locked: bool


def provision(
    console: Console,
    folder: Path,
    *,
    image: dict[str, str] | None,
    now: datetime,
    serial: str = "",
    board: str = "",
    lock: bool = True,
    step: Callable[[str], None] = lambda _name: None,
) -> Provisioned:
    """Everything that one board needs. `image`: name, sha256, kind. `step` is told before each of STEPS.

    What is not said (image, serial, board) stays as this bench recorded it: locking a terminal again after a look at
    its console must neither make another one of it nor void its test.
    With `lock=False` the console stays open for the acceptance test; call `lock_console` after it. Raises BenchError.
    """
    reservation.check_clock(folder, now)
    plan = reservation.plan(folder)
    step("facts")
    facts = _asked(console, on_board.FACTS)
    before = _recorded(folder, facts["device"] or "", facts["mac"])
    board = board or before.get("board") or plan.board
    step("modem")
    modem = _modem(console, folder, board)
    step("bind")
    mac = facts["mac"]
    reserved = reservation.take(folder, mac, device_id=facts["device"] or "", iccid=modem["iccid"])
    if reserved.password is None and facts["password"] != reserved.password_sha256:
        raise ProvisionError("lost_password", device=reserved.device_id)
    step("write")
    _write(console, reserved, plan, board)
    step("check")
    _check(console, reserved, plan, board)
    step("record")
    serial = serial or before.get("serial") or mac.replace(":", "").upper()
    fields = {
        "kind": "provision", "device": reserved.device_id, "serial": serial, "mac": mac, "imei": modem["imei"],
        "iccid": modem["iccid"], "board": board, "image": image or before.get("image") or UNKNOWN,
        "firmware": facts["firmware"],
    }  # fmt: skip
    number = records.say(folder, fields, now)
    step("wipe")
    reservation.wipe(folder, reserved.device_id)
    if lock:
        step("lock")
        lock_console(console, reserved.lock_hash)
    return Provisioned(
        device_id=reserved.device_id, serial=serial, mac=mac, imei=modem["imei"], iccid=modem["iccid"], board=board,
        firmware=facts["firmware"], record=number, locked=lock,
    )  # fmt: skip


def _recorded(folder: Path, device_id: str, mac: str) -> dict[str, Any]:
    """What this bench said last about this board; nothing if it made none of it."""
    last = records.latest(folder, device_id, "provision")
    return last if last is not None and last["mac"] == mac else {}


def lock_console(console: Console, lock_hash: bytes) -> None:
    """The last thing: the hash is stored, the board starts anew, and its console is deaf."""
    told = _asked(console, on_board.LOCK, lock=lock_hash)
    if not (told["stored"] and told["same"]):
        raise ProvisionError("not_stored", names="lock")
    console.reset()


def _modem(console: Console, folder: Path, board: str) -> dict[str, str]:
    told = _asked(console, on_board.MODEM, on_board.MODEM_S, board=board)
    if not told["on"] or told["imei"] is None:
        raise ProvisionError("no_modem")
    if told["iccid"] is None:
        raise ProvisionError("no_sim")
    if reservation.caller_proof(folder, told["iccid"])[1] is None and not _ours(folder, told["iccid"]):
        raise ProvisionError("sim_not_in_stock", tail=told["iccid"][-4:])
    return {"imei": told["imei"], "iccid": told["iccid"]}


def _ours(folder: Path, iccid: str) -> bool:
    """A newer list of free cards leaves out those that are in terminals by now."""
    return iccid in reservation.used_cards(folder)


def _write(console: Console, reserved: Reserved, plan: Plan, board: str) -> None:
    password = None if reserved.password is None else reserved.password.encode()
    told = _asked(
        console, on_board.WRITE, on_board.WRITE_S, device=reserved.device_id, password=password, server=plan.server,
        roots=plan.roots, board=board, config=plan.config,
    )  # fmt: skip
    if told["fault"]:
        raise ProvisionError("not_stored", names=told["fault"])


def _check(console: Console, reserved: Reserved, plan: Plan, board: str) -> None:
    """Hashes of what the board reads, against hashes of what it was given."""
    wanted = {
        "device": _hash(reserved.device_id.encode()), "password": reserved.password_sha256,
        "server": _hash(plan.server.encode()), "roots": _hash(b"".join(plan.roots)), "board": _hash(board.encode()),
        "config": _hash(plan.config), "sos": _hash(plan.config),
    }  # fmt: skip
    told = _asked(console, on_board.CHECK, on_board.WRITE_S, config=plan.config)
    wrong = [name for name, digest in wanted.items() if told.get(name) != digest]
    if wrong:
        raise ProvisionError("not_stored", names=", ".join(wrong))


def _asked(console: Console, source: str, timeout_s: float | None = None, **values: Any) -> dict[str, Any]:
    try:
        out = console.run(source, timeout_s, **values)
    except BenchError as error:
        if error.name == "on_board" and "no module named 'firmware" in error.english:
            raise ProvisionError("no_firmware") from None
        raise
    try:
        found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise BenchError("on_board", error="no answer") from None
    return found


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
