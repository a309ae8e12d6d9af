"""Compare what a command printed or wrote with its saved copy."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def assert_golden(name: str, got: str | bytes) -> None:
    """The saved copy is the same bytes; with OKC_GOLDEN_WRITE=1 it becomes them."""
    raw = got.encode() if isinstance(got, str) else got
    path = FOLDER / name
    if os.environ.get("OKC_GOLDEN_WRITE") == "1":
        path.write_bytes(raw)
    assert path.read_bytes().decode() == raw.decode(), f"tests/golden/{name} says otherwise"
