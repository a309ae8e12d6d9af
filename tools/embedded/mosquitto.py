"""A private Mosquitto for benches: Debian's program, no users, loopback, a session's backlog kept in memory.

With TLS it stands behind a certificate of an authority of its own, made for it, and terminals believe `ca`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tools.embedded import children
from tools.embedded.ports import free_port, listens
from tools.pki import issue

HOST = "127.0.0.1"
_SBIN = os.pathsep + os.pathsep.join(("/usr/sbin", "/usr/local/sbin"))
# What the reference and we are given alike. No persistence: the broker's disk is not what is measured.
SETTINGS = {
    "persistence": "false",
    "max_queued_messages": "0",
    "max_queued_bytes": "0",
    "max_inflight_messages": "10000",
    "set_tcp_nodelay": "true",
}


class Mosquitto:
    """One broker. start(), port, tls_port, stop() or kill()."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        self.ca = folder / "ca.pem"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def rss_mb(self) -> float:
        """The most memory that it ever had."""
        if self._process is None:
            raise RuntimeError("mosquitto does not run")
        return children.rss_mb(self._process)

    def start(self) -> None:
        """Raises RuntimeError where the program is missing."""
        if self.tls_port is not None and not self.ca.exists():
            self._certify()
        config = self._folder / "mosquitto.conf"
        config.write_text("\n".join([*self._lines(), ""]))
        self._process = children.start([program("mosquitto", "mosquitto"), "-c", str(config)])
        children.wait_until(lambda: listens(self.port), self._process, "mosquitto")

    def stop(self) -> None:
        """It is gone afterwards."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As kill -9: what it held in memory is lost."""
        self._end(signal.SIGKILL)

    def _end(self, sig: signal.Signals) -> None:
        if self._process is not None:
            children.stop(self._process, sig)
            self._process = None

    def _lines(self) -> list[str]:
        lines = ["allow_anonymous true", "log_type error", *(f"{name} {value}" for name, value in SETTINGS.items())]
        lines.append(f"listener {self.port} {HOST}")
        if self.tls_port is not None:
            if os.geteuid() == 0:
                lines.append("user root")  # another could not read the key in the private folder
            lines += [f"listener {self.tls_port} {HOST}", "tls_version tlsv1.2"]
            lines += [f"certfile {self._folder}/server.pem", f"keyfile {self._folder}/server.key"]
        return lines

    def _certify(self) -> None:
        now = datetime.now(UTC)
        root_key, key = issue.new_key(), issue.new_key()
        root = issue.root("Bench", root_key, now)
        certificate = issue.server([HOST], key, root, root_key, now=now)
        self.ca.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        (self._folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = self._folder / "server.key"
        secret.touch(mode=0o600)
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def program(name: str, package: str) -> str:
    """Where a program of Debian's package is. Raises RuntimeError."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + _SBIN)
    if found is None:
        raise RuntimeError(f"{name} is missing: apt-get install {package}")
    return found
