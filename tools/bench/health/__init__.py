"""`onekey bench health`: what the rules find of what was planted, and how long a look, a report and a sheet take.

In: sizes. Out: recall and false findings of a judged history through the product's own ingest; seconds at a district's
size. Each stands beside its target and the settings it depends on.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.health import judged, size
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.bench.health.plan import Sizes
    from tools.bench.health.size import Size

    Tell = Callable[[str, float], None]

# name: target, unit, whether larger is better, what it stands beside
TARGETS: dict[str, tuple[float, str, bool, str]] = {
    "recall": (0.99, "", True, "every planted finding is written down before it is told"),
    "false_rate": (0.01, "", False, "terminals without a planted fault"),
    "sweep_s": (10.0, "s", False, "`bare_read_s`: a bare read of the terminals' state"),
    "report_p95_ms": (500.0, "ms", False, "`/healthz` of the same process: one `select 1`"),
    "xlsx_s": (60.0, "s", False, "none"),
}
BEAT_WHY = (
    "a third of the shipped rate of heartbeats, so that months fit into an hour; what is counted in heartbeats follows:"
    " silence is three of them. Everything else is as shipped but for `thresholds`"
)


def figures(sizes: Sizes, district: Size | None, tell: Tell, keep: Path | None = None) -> dict[str, Any]:
    """Every figure once; `district`: None takes none of its size. `keep`: where truth and differences stay."""
    # Several: as root the servers run as nobody, who must not read what lies in the first.
    folder, first, second = (Path(tempfile.mkdtemp(prefix=f"okc{name}")) for name in ("health", "pg1", "pg2"))
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    try:
        found = _history(first, sizes, tell, keep or folder)
        found |= _district(second, district, tell, folder)
        incidents = found["incidents_found"]
        found["met"] = {
            name: found[name] is not None and (found[name] >= target if larger else found[name] <= target)
            for name, (target, _, larger, _) in TARGETS.items()
        }
        found["met"]["incidents"] = incidents == found["incidents_planted"] and not found["incidents_wrong"]
        found["wanted"] = {name: target for name, (target, *_) in TARGETS.items()}
        return found
    finally:
        for each in (folder, first, second):
            shutil.rmtree(each, ignore_errors=True)


def _history(folder: Path, sizes: Sizes, tell: Tell, kept: Path) -> dict[str, Any]:
    # No time of a disk is taken here, so nothing waits for one.
    server = Postgres(folder, durable=False)
    try:
        server.start()
        found = judged.run(server.create_database("okc_health"), sizes, kept, tell)
    finally:
        server.stop()
    found["history"] |= {"fsync": "off", "synchronous_commit": "off", "beat_why": BEAT_WHY}
    return found


def _district(folder: Path, district: Size | None, tell: Tell, kept: Path) -> dict[str, Any]:
    if district is None:
        return {"sweep_s": None, "report_p95_ms": None, "xlsx_s": None, "xlsx_why": "not asked for"}
    server = Postgres(folder, durable=True)
    try:
        server.start()
        return size.figures(server, district, tell, kept)
    finally:
        server.stop()
