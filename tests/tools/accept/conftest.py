"""Fixtures: the cloud's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.firmware.terminal.desk import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.broker import Mosquitto


@pytest.fixture
def cloud(broker: Mosquitto) -> Iterator[Cloud]:
    """Receipts everything that comes up."""
    end = Cloud(broker)
    try:
        yield end
    finally:
        end.close()
