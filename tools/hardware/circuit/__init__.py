"""The circuit of `okb-a`, sheet by sheet: supply, modem, chip, what people touch and hear, USB, test pads.

In: the catalogue and the pin table's GPIO numbers. Out: `board()`, a Sheet with everything on it.
Must never decide what is right: the rules do, and they do not read these files.
"""

from __future__ import annotations

from tools.hardware.circuit import chip, modem, people, power
from tools.hardware.sheet import Sheet


def board() -> Sheet:
    """The whole board."""
    sheet = Sheet()
    for part in (power, modem, chip, people):
        sheet.name = part.__name__.rsplit(".", 1)[1]
        part.draw(sheet)
    return sheet
