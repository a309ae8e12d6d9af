"""The drawings of `okb-a`, made from the netlist: references, values, pin numbers and nets are read out of it.

In: a netlist. Out: {file name: SVG text}, the same bytes each time. Must never show a part that is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.draw import block, connectors, keys, modem, power

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist


def drawings(board: Netlist) -> dict[str, str]:
    """Every drawing."""
    return {
        "block.svg": block.draw(board),
        "power.svg": power.draw(board),
        "modem.svg": modem.draw(board),
        "keys.svg": keys.draw(board),
        "connectors.svg": connectors.draw(board),
    }
