"""A technician, and a home to go to."""

from __future__ import annotations

import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.field import world
from tests.cloud.field.world import NEW, OLD, SPARE

if TYPE_CHECKING:
    pass

from tests.tools.install.bench import Field


@pytest.fixture
def field(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Field:
    monkeypatch.setenv("OKC_DATA_KEY", world.KEY)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500001")
    made = Field(database, tmp_path, monkeypatch)
    for device_id in (OLD, NEW, SPARE):
        made.do(partial(world.in_stock, device_id=device_id))
    return made


@pytest.fixture
def home(field: Field) -> uuid.UUID:
    found: uuid.UUID = field.do(world.a_home)
    return found
