"""A chip without hardware, for one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.firmware import fakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.firmware.fakes.chip import Chip


@pytest.fixture
def chip() -> Iterator[Chip]:
    """Fresh from the factory; `import machine` finds it."""
    yield fakes.install()
    fakes.remove()
