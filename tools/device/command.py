"""`onekey device`: the registry of terminals and their credentials.

A password is shown once, when the terminal is registered, and kept nowhere; the database holds what the broker
checks it against. Texts never show a phone number.
"""

from __future__ import annotations

import csv
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from cloud import clock
from cloud.devices import actions, rules, store
from cloud.devices.models import Contact
from cloud.errors import AppError, BadInput, NotFound
from tools.registry import do, refused, say

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.devices.models import Device
    from cloud.sealed import Box

app = typer.Typer(no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DeviceId = Annotated[str, typer.Argument(metavar="ID", help="6 to 20 capitals and digits.")]

# Lines of one file: a lorry of terminals is a few thousand, and the whole district 50,000.
IMPORT_MOST = 100_000
# Says where a home is, or identifies a card: not for a screen that somebody may photograph.
HIDDEN = ("imei", "iccid", "cell", "link_id")


@app.callback()
def _device() -> None:
    """The registry of terminals."""


@app.command()
def add(
    device_id: DeviceId,
    msisdn: Annotated[str | None, typer.Option(help="Phone number of its SIM, digits only.")] = None,
    as_json: Json = False,
) -> None:
    """Register a terminal; prints its password, this once."""
    password = do(lambda conn, box: actions.register(conn, box, device_id, msisdn, clock.now()))
    say(as_json, {"device_id": device_id, "password": password}, f"{device_id} registered, password {password}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every terminal of the registry and how it stands."""
    found = do(_listed)
    lines = [f"{each['device_id']:<20} {each['status']:<10} {each['contact']}" for each in found]
    say(as_json, {"devices": found}, "\n".join(lines) or "no terminals")


@app.command()
def show(device_id: DeviceId, as_json: Json = False) -> None:
    """Everything that is known of one terminal, but its phone number."""
    found = do(lambda conn, _box: _shown(conn, device_id))
    say(as_json, found, "\n".join(f"{name:<16} {value}" for name, value in found.items()))


@app.command()
def revoke(device_id: DeviceId, as_json: Json = False) -> None:
    """Take a terminal's credential away for ever."""
    do(lambda conn, _box: actions.revoke(conn, device_id, clock.now()))
    say(as_json, {"device_id": device_id, "revoked": True}, f"{device_id} revoked; give the broker the new list")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Header: device_id,msisdn (may be empty).")],
    passwords: Annotated[Path, typer.Option(help="New file for device_id,password; readable by you only.")],
    as_json: Json = False,
) -> None:
    """Register the terminals of a file: all of them, or none if a line is wrong."""
    rows = _read(file)
    try:
        handle = os.open(passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise refused(f"{passwords}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            made = do(lambda conn, box: _register_all(conn, box, file, rows, out))
    except BaseException:
        passwords.unlink()
        raise
    say(as_json, {"registered": made}, f"{made} registered, passwords in {passwords}")


@app.command()
def credentials(file: Annotated[Path, typer.Argument(help="Written anew, for Mosquitto's `password_file`.")]) -> None:
    """Write what the broker checks logins against."""
    devices = do(lambda conn, _box: store.all_devices(conn))
    lines = [f"{device.device_id}:{device.credential}\n" for device in devices if device.credential]
    fresh = file.with_name(file.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text("".join(lines), encoding="utf-8")
    fresh.replace(file)  # the broker never reads half a file
    typer.echo(f"{len(lines)} credentials in {file}")


def _read(file: Path) -> list[tuple[int, str, str | None]]:
    """(line, device id, number or None) of each row. Duplicates and bad forms are found here or by `register`."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise refused(f"{file}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    reader = csv.reader(text.splitlines())
    header = next(reader, [])
    if [name.strip() for name in header] not in (["device_id", "msisdn"], ["device_id"]):
        raise refused(f"{file}:1: the header must be device_id,msisdn")
    rows: list[tuple[int, str, str | None]] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise refused(f"{file}:{reader.line_num}: {len(header)} columns, not {len(row)}")
        if len(rows) == IMPORT_MOST:
            raise refused(f"{file}:{reader.line_num}: more than {IMPORT_MOST} terminals")
        number = row[1].strip() if len(row) > 1 else ""
        rows.append((reader.line_num, row[0].strip(), number or None))
    return rows


async def _register_all(conn: Conn, box: Box, file: Path, rows: list[tuple[int, str, str | None]], out: TextIO) -> int:
    now, writer = clock.now(), csv.writer(out)
    writer.writerow(("device_id", "password"))
    for line, device_id, msisdn in rows:
        try:
            writer.writerow((device_id, await actions.register(conn, box, device_id, msisdn, now)))
        except AppError as error:
            raise BadInput(f"{file}:{line}: {error}") from None
    # On the disk before the commit: a password that is lost means a terminal that must be registered again.
    out.flush()
    os.fsync(out.fileno())
    return len(rows)


async def _listed(conn: Conn, _box: Box) -> list[dict[str, Any]]:
    now = clock.now()
    contacts = await store.contacts(conn)
    gaps = await _gaps(conn, contacts, now)
    return [
        {
            "device_id": each.device_id,
            "status": each.status,
            "contact": rules.contact(each, now, gaps),
            "last_seen_at": _iso(each.last_seen_at),
        }
        for each in contacts
    ]


async def _shown(conn: Conn, device_id: str) -> dict[str, Any]:
    device, now = await _found(conn, device_id), clock.now()
    state = await store.get_state(conn, device_id)
    contact = Contact(
        device_id=device_id,
        status=device.status,
        last_seen_at=state.last_seen_at if state else None,
        in_call_until=state.in_call_until if state else None,
        link=state.link if state else None,
        link_at=state.link_at if state else None,
        heartbeat_s=state.heartbeat_s if state else None,
    )
    shown: dict[str, Any] = {
        "device_id": device_id,
        "status": device.status,
        "contact": rules.contact(contact, now, await _gaps(conn, [contact], now)),
        "can_log_in": device.credential is not None,
        "revoked_at": _iso(device.revoked_at),
        "has_msisdn": device.msisdn_sealed is not None,
        "config_wanted": device.config_version,
        "created_at": _iso(device.created_at),
    }
    if state is not None:
        shown |= {name: _plain(value) for name, value in asdict(state).items() if name not in HIDDEN}
    return shown


async def _found(conn: Conn, device_id: str) -> Device:
    device = await store.get_device(conn, device_id)
    if device is None:
        raise NotFound(f"{device_id}: unknown")
    return device


async def _gaps(conn: Conn, contacts: list[Contact], now: datetime) -> list[Any]:
    seen = [each.last_seen_at for each in contacts if each.last_seen_at is not None]
    return list(await store.gaps(conn, min(seen), now, actions.INGEST_SILENCE_ALLOWED)) if seen else []


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
