"""Fixtures: a board with nothing on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.chip import Chip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    """Running, with an empty file system."""
    with Chip(tmp_path, speed=20.0) as board:
        yield board
