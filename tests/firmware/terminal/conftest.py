"""Fixtures: a desk with nothing started, and the cloud's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.firmware.terminal.desk import Cloud, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.broker import Mosquitto


@pytest.fixture
def desk(tmp_path: Path, broker: Mosquitto) -> Iterator[Desk]:
    """Emulator and terminal; `start` them."""
    bench = Desk(tmp_path, broker)
    try:
        yield bench
    finally:
        bench.stop()


@pytest.fixture
def cloud(broker: Mosquitto) -> Iterator[Cloud]:
    """Receipts everything that comes up."""
    end = Cloud(broker)
    try:
        yield end
    finally:
        end.close()
