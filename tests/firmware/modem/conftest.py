"""Fixture: an engine and a modem in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.firmware.modem.peer import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Ends with its tasks."""
    one = Bench()
    try:
        yield one
    finally:
        await one.close()
