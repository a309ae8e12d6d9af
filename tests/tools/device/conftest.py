"""The office of the fleet tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools.device.office import KEY, Office

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def office(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", KEY)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500001")
    return Office(database, tmp_path)
