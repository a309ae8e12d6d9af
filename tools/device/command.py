"""`onekey device`: the registry of terminals and their credentials.

A password is shown once, when the terminal is registered, and kept nowhere; the database holds what the broker
checks it against. Texts never show a phone number.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import clock
from cloud.devices import actions, followers, rules, store
from cloud.devices.models import Contact
from cloud.errors import NotFound
from tools.broker import files
from tools.registry import do, say

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.devices.models import Device
    from cloud.sealed import Box

CUT_OFF_S = 10  # within this whoever holds a revoked credential is off the line
NOT_CUT_OFF_EXIT = 79  # revoked in the registry, but a broker has not confirmed it

app = typer.Typer(no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DeviceId = Annotated[str, typer.Argument(metavar="ID", help="6 to 20 capitals and digits.")]

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
def revoke(
    device_id: DeviceId,
    *,
    wait: Annotated[int, typer.Option(help="Seconds to wait for the brokers' word.", min=0)] = CUT_OFF_S,
    as_json: Json = False,
) -> None:
    """Take a terminal's credential away for ever; whoever uses it now is cut off by every broker that follows."""
    do(lambda conn, _box: actions.revoke(conn, device_id, clock.now()))
    found = do(lambda conn, _box: _known_by(conn, wait))
    done = [each.broker for each in found if each.knows]
    missing = [each.broker for each in found if not each.knows]
    lines = [f"{device_id} revoked", *(f"cut off by the broker {name}" for name in done)]
    lines += [f"NOT YET cut off by the broker {each.broker}: {_why(each)}" for each in found if not each.knows]
    if not found:
        lines.append("no broker follows the registry: onekey broker credentials, on each of them")
    told = {"device_id": device_id, "revoked": True, "cut_off_by": done, "not_by": missing}
    say(as_json, told, "\n".join(lines))
    if missing:
        raise typer.Exit(NOT_CUT_OFF_EXIT)


async def _known_by(conn: Conn, wait_s: int) -> list[followers.Follower]:
    """Every broker, as soon as all that are there know, or when the time is up."""
    at = await followers.time(conn)  # the revocation is committed
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        found = await followers.since(conn, at)
        if all(each.knows or each.away or each.held_back for each in found):
            return found
        if asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.1)


def _why(each: followers.Follower) -> str:
    if each.away:
        return "nobody follows there now (onekey broker follow)"
    if each.held_back:
        return f"{each.held_back} terminals at once are not believed (onekey broker credentials --accept-loss)"
    return "it has not said so in time"


@app.command()
def credentials(file: Annotated[Path, typer.Argument(help="Written anew, for Mosquitto's `password_file`.")]) -> None:
    """Write what the broker checks logins against."""
    found = do(lambda conn, _box: followers.credentials(conn))
    files.put(file, files.users(found), files.PRIVATE)
    typer.echo(f"{len(found)} credentials in {file}")


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
