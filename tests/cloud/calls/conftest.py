"""A town for the tests of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cloud.calls.terminal import BOX, NOON, SETTINGS, STRANGER
from tools.seed import device_ids, seed

if TYPE_CHECKING:
    from cloud.db import Conn


@pytest.fixture
async def town(conn: Conn) -> Conn:
    """A seeded town in a transaction that is rolled back, and a terminal that is nobody's."""
    await seed(conn, BOX, SETTINGS, device_ids(3), NOON)
    await conn.execute("delete from down")
    await conn.execute("insert into device (device_id, created_at) values (%s, %s)", [STRANGER, NOON])
    return conn
