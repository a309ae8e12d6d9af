"""A private Mosquitto for benches: Debian's program, one user, loopback, a session's backlog kept in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.embedded import children
from tools.embedded.ports import free_port, listens

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
    """One broker. start(), port, stop()."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def rss_mb(self) -> float:
        """The most memory that it ever had."""
        if self._process is None:
            raise RuntimeError("mosquitto does not run")
        return children.rss_mb(self._process)

    def start(self) -> None:
        """Raises RuntimeError where the program is missing."""
        config = self._folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "log_type error"]
        lines += [f"{name} {value}" for name, value in SETTINGS.items()]
        config.write_text("\n".join([*lines, ""]))
        self._process = children.start([program("mosquitto", "mosquitto"), "-c", str(config)])
        children.wait_until(lambda: listens(self.port), self._process, "mosquitto")

    def stop(self) -> None:
        """It is gone afterwards."""
        if self._process is not None:
            children.stop(self._process)
            self._process = None


def program(name: str, package: str) -> str:
    """Where a program of Debian's package is. Raises RuntimeError."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + _SBIN)
    if found is None:
        raise RuntimeError(f"{name} is missing: apt-get install {package}")
    return found
