"""The identities that a bench may give out: taken one by one, each by one board, written down before it is used.

In: the reservation file that the registry made, a board's MAC. Out: the board's identity, always the same one for the
same board. A password is wiped as soon as the board has it; its hash stays, so that the board can be checked again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.stock import record
from protocol import messages, topics
from protocol.errors import ProtocolError
from tools.board.bench import PRIVATE_FILE, replace
from tools.provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

FILE, KEY, LOCK = "reservation.json", "bench.key", ".reservation.lock"
VERSION = 1
CLOCK_SLACK = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """One identity, bound to a board."""

    device_id: str
    mac: str
    password: str | None = field(repr=False)  # None: the board has it, and nobody else
    password_sha256: str
    lock_hash: bytes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every terminal of this bench is told."""

    bench: str
    server: str
    roots: list[bytes]  # DER
    board: str
    config: bytes  # payload of a `config` message


def load(folder: Path, file: Path) -> int:
    """Take in what the registry made, and destroy the file. How many ids are free. Raises ProvisionError."""
    new = _read_new(file)
    with _held(folder):
        here = _read(folder) if (folder / FILE).exists() else {"devices": [], "sims": {}}
        if here.get("bench", new["bench"]) != new["bench"]:
            raise ProvisionError("other_bench", found=new["bench"], wanted=here["bench"])
        if new.get("key"):
            if not (folder / KEY).exists():
                replace(folder / KEY, new["key"].encode() + b"\n")
        elif not (folder / KEY).exists():
            raise ProvisionError("bad_reservation", path=file, why="this bench has no key / 本台没有密钥")
        known = {each["device_id"]: each for each in here["devices"]}
        for each in new["devices"]:
            _add(here["devices"], known, each)
        fixed = (
            "v", "bench", "server", "roots", "board", "config", "proof_key", "sims", "made_at", "registry_key",
        )  # fmt: skip
        here |= {name: new[name] for name in fixed if name in new}
        _save(folder, here)
    try:
        _destroy(file)
    except OSError as error:
        raise ProvisionError("not_destroyed", path=file, why=error.strerror) from None
    return free(folder)


def check_clock(folder: Path, now: datetime) -> None:
    """Raises ProvisionError where this machine's clock is behind the registry's of the day when it reserved.

    A test with a date before the terminal came back from a home would never count for its next one.
    """
    made = _read(folder).get("made_at")
    if made is not None and record.stamp(now + CLOCK_SLACK) < made:
        raise ProvisionError("clock")


def plan(folder: Path) -> Plan:
    """What is the same for every terminal. Raises ProvisionError."""
    here = _read(folder)
    return Plan(
        bench=here["bench"],
        server=here["server"],
        roots=[bytes.fromhex(one) for one in here["roots"]],
        board=here["board"],
        config=messages.encode("down", "config", here["config"]),
    )


def key(folder: Path) -> Ed25519PrivateKey:
    """What this bench signs with. Raises ProvisionError."""
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex((folder / KEY).read_text().strip()))
    except (OSError, ValueError):
        raise ProvisionError("no_reservation") from None


def registry(folder: Path) -> tuple[str, bytes]:
    """Name of this bench, and the public key of the registry that made it. Raises ProvisionError."""
    here = _read(folder)
    try:
        return str(here["bench"]), bytes.fromhex(here["registry_key"])
    except (KeyError, ValueError):  # made before reservations brought it
        raise ProvisionError("no_reservation") from None


def caller_proof(folder: Path, iccid: str) -> tuple[bytes, str | None]:
    """A key, and the keyed hash of the card's number under it; None for a card that is not in this bench's stock."""
    here = _read(folder)
    return bytes.fromhex(here["proof_key"]), here["sims"].get(iccid)


def used_cards(folder: Path) -> set[str]:
    """ICCIDs of the cards that this bench has put into terminals."""
    return {each["iccid"] for each in _read(folder)["devices"] if "iccid" in each}


def free(folder: Path) -> int:
    """How many ids no board has yet."""
    return sum("mac" not in each for each in _read(folder)["devices"])


def find(folder: Path, mac: str) -> Reserved | None:
    """The identity that this board has, if it has one."""
    for each in _read(folder)["devices"]:
        if each.get("mac") == mac:
            return _reserved(each)
    return None


def take(folder: Path, mac: str, *, device_id: str = "", iccid: str = "") -> Reserved:
    """The identity of this board: on disk before anybody is told. `device_id`: the one that the board has already.

    Raises ProvisionError: nothing is left, the board's id is not ours, its card is in another board.
    """
    with _held(folder):
        here = _read(folder)
        mine = next((each for each in here["devices"] if each.get("mac") == mac), None)
        if mine is None:
            mine = _choose(here["devices"], device_id)
        elif device_id and mine["device_id"] != device_id:
            raise ProvisionError("other_identity", device=device_id)
        for each in here["devices"]:
            if iccid and each is not mine and each.get("iccid") == iccid:
                raise ProvisionError("sim_used", tail=iccid[-4:], device=each["device_id"])
        mine |= {"mac": mac, "password_sha256": mine.get("password_sha256") or _hash(mine["password"])}
        if iccid:
            mine["iccid"] = iccid
        _save(folder, here)
        return _reserved(mine)


def wipe(folder: Path, device_id: str) -> None:
    """The board has its password: from now on nobody else has. It is never shown again."""
    with _held(folder):
        here = _read(folder)
        for each in here["devices"]:
            if each["device_id"] == device_id:
                each["password"] = None
        _save(folder, here)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """One at a time, threads of a batch and other programs alike."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


held = _held


def _choose(devices: list[dict[str, Any]], device_id: str) -> dict[str, Any]:
    free_ones = [each for each in devices if "mac" not in each]
    if device_id:
        free_ones = [each for each in free_ones if each["device_id"] == device_id]
        if not free_ones:
            raise ProvisionError("other_identity", device=device_id)
    if not free_ones:
        raise ProvisionError("used_up")
    return free_ones[0]


def _add(devices: list[dict[str, Any]], known: dict[str, dict[str, Any]], new: dict[str, Any]) -> None:
    """A known id is left as it is, so that a file read twice brings no password back; another round replaces it."""
    old = known.get(new["device_id"])
    if old is None:
        devices.append(new)
    elif "mac" in new and new["lock"] != old["lock"]:
        old.pop("password_sha256", None)
        old |= new


def _reserved(each: dict[str, Any]) -> Reserved:
    return Reserved(
        device_id=each["device_id"],
        mac=each["mac"],
        password=each["password"],
        password_sha256=each.get("password_sha256") or _hash(each["password"]),
        lock_hash=bytes.fromhex(each["lock"]),
    )


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ProvisionError("no_reservation") from None
    if "server" not in found:
        raise ProvisionError("no_reservation")
    return found


def _read_new(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if _is_reservation(found):
            return dict(found)
        why = "form"
    except OSError as error:
        why = str(error.strerror)
    except (ValueError, KeyError, TypeError, AttributeError, ProtocolError) as error:
        why = type(error).__name__  # its text may hold a password
    raise ProvisionError("bad_reservation", path=file, why=why)


def _is_reservation(found: Any) -> bool:
    bytes.fromhex(found["proof_key"] + (found.get("key") or "") + (found.get("registry_key") or ""))
    if found["devices"]:
        messages.encode("down", "config", found["config"])
        [bytes.fromhex(one) for one in (*found["roots"], *(each["lock"] for each in found["devices"]))]
    named = all(topics.is_device_id(each["device_id"]) and each["password"] for each in found["devices"])
    return named and found["v"] == VERSION and isinstance(found["bench"], str) and isinstance(found["sims"], dict)


def _save(folder: Path, here: dict[str, Any]) -> None:
    replace(folder / FILE, json.dumps(here, ensure_ascii=False, indent=1).encode() + b"\n")


def _destroy(file: Path) -> None:
    """As far as a disk allows: its bytes are written over before its name goes."""
    with file.open("r+b") as open_file:
        open_file.write(b"\0" * file.stat().st_size)
        open_file.flush()
        os.fsync(open_file.fileno())
    file.unlink()
