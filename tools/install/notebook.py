"""What a technician's notebook signs and seals with: the bench's own key, the registry's public key.

In: the bench folder, as `onekey provision --reservation` left it. Out: keys. What is sealed cannot be opened here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.board.bench import DEFAULT, VARIABLE
from tools.install.texts import FailedError
from tools.provision import reservation
from tools.provision.errors import ProvisionError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True)
class Notebook:
    """One bench, by its keys."""

    bench: str
    key: Ed25519PrivateKey = field(repr=False)
    registry_key: bytes


def bench_of(given: Path | None) -> Path:
    """The bench's folder, made private if it is not there."""
    folder = given or Path(os.environ.get(VARIABLE) or Path(DEFAULT).expanduser())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def load(given: Path | None) -> Notebook:
    """The keys of this notebook. Raises FailedError: no reservation that brings them was loaded here."""
    folder = bench_of(given)
    try:
        name, registry_key = reservation.registry(folder)
        return Notebook(name, reservation.key(folder), registry_key)
    except ProvisionError:
        raise FailedError("no_bench") from None
