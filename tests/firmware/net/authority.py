"""An authority for tests, made by `onekey pki` itself, and certificates that it would never make."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from tools.pki import app, issue, store

PASSPHRASE = "an invented passphrase"
HOST = "localhost"  # what the emulator's modem can resolve
DAY = timedelta(days=1)


def pki(*words: str, code: int = 0) -> dict[str, Any]:
    """One command; what it said as JSON, or its error as {"error": text}."""
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == code, done.output
    return {"error": done.stderr} if code else dict(json.loads(done.stdout))


class Authority:
    """Two roots in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder / "pki"
        self.word = folder / "passphrase"
        self.word.write_text(PASSPHRASE + "\n")
        self._opened = ["--folder", str(self.folder), "--passphrase-file", str(self.word)]
        pki("init", *self._opened)

    def server(self, *words: str, host: str = HOST) -> Path:
        """The folder of a new server.crt and server.key."""
        out = self.folder / f"server-{len(list(self.folder.iterdir()))}"
        pki("server", *self._opened, "--host", host, "--out", str(out), *words)
        return out

    def odd_server(self, begin: timedelta, end: timedelta, host: str = HOST) -> Path:
        """One whose dates lie so far from now."""
        index = store.load_index(self.folder)
        issuer = store.certificate(self.folder, index.current)
        issuer_key = store.private_key(self.folder, index.current, PASSPHRASE.encode())
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        one = (
            x509.CertificateBuilder(
                issuer.subject, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]), key.public_key(), 7
            )
            .not_valid_before(now + begin)
            .not_valid_after(now + end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        out = self.folder / f"odd-{len(list(self.folder.iterdir()))}"
        out.mkdir()
        (out / "server.crt").write_bytes(store.pem(one))
        (out / "server.key").write_bytes(store.sealed(key, None))
        return out

    def rotate(self) -> None:
        pki("rotate", *self._opened)

    def roots(self, which: str = "roots") -> Path:
        """A file of DER: `roots` is both, or `current`, or `next`, as they are now."""
        out = self.folder / f"export-{len(list(self.folder.iterdir()))}"
        pki("export", "--folder", str(self.folder), "--out", str(out))
        return out / f"{which}.der"

    def pem_roots(self) -> Path:
        """Both, for clients that read PEM."""
        out = self.folder / f"export-{len(list(self.folder.iterdir()))}"
        pki("export", "--pem", "--folder", str(self.folder), "--out", str(out))
        return out / "roots.pem"


__all__ = ["DAY", "HOST", "PASSPHRASE", "Authority", "issue", "pki"]
