"""The board as it is drawn, once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.hardware.circuit import board as drawn

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist


@pytest.fixture(scope="session")
def board() -> Netlist:
    return drawn().netlist()
