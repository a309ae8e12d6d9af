"""Files of the broker's folder: passwords kept, secrets private, each renamed into place whole.

In: a folder and contents. Out: files. A broker that read half a password file would cut off whoever is connected.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from cloud.devices.actions import PASSWORD_BYTES, credential

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PRIVATE = 0o600
CONFIG, PID = "mosquitto.conf", "mosquitto.pid"
TERMINAL_USERS, TERMINAL_RULES = "terminals.passwords", "terminals.acl"
CLOUD_USERS, CLOUD_RULES = "cloud.passwords", "cloud.acl"


def put(path: Path, text: str, mode: int = 0o644) -> None:
    """Write the whole file or nothing; it never was readable for more than `mode` says."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def users(lines: Iterable[tuple[str, str]]) -> str:
    """A password file of Mosquitto: names and what their passwords are checked against."""
    return "".join(f"{name}:{checked}\n" for name, checked in lines)


def password_of(folder: Path, user: str) -> str:
    """The password of one of our own users, drawn at the first time and kept in `<user>.password`."""
    path = folder / f"{user}.password"
    if not path.exists():
        put(path, secrets.token_urlsafe(PASSWORD_BYTES) + "\n", PRIVATE)
    return path.read_text(encoding="utf-8").strip()


def put_own_users(folder: Path, names: Iterable[str]) -> None:
    """The inner door's password file."""
    put(folder / CLOUD_USERS, users((name, credential(password_of(folder, name))) for name in names), PRIVATE)
