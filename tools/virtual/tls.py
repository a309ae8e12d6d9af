"""Certificates for one simulated broker: a root for the terminal, and the server's end of TLS.

In: a folder. Out: the terminal's roots as a file of DERs, a context for the server. Nothing leaves the folder.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.pki import issue, store

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Trust:
    """Both ends: what the terminal trusts, and what the server shows."""

    roots: Path
    server: ssl.SSLContext


def make(folder: Path, host: str) -> Trust:
    """A fresh authority for one host. Two roots, as a terminal carries them."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)  # the unix port checks dates by the real clock, if it does at all
    key, spare, its_key = issue.new_key(), issue.new_key(), issue.new_key()
    root, other = issue.root("Virtual A", key, now), issue.root("Virtual B", spare, now)
    certificate = issue.server([host], its_key, root, key, now=now)
    roots, chain, private = folder / "roots.der", folder / "server.pem", folder / "server.key"
    roots.write_bytes(store.der(root) + store.der(other))
    chain.write_bytes(store.pem(certificate))
    private.write_bytes(store.sealed(its_key, None))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return Trust(roots, context)
