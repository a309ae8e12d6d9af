"""The QR code of a label: the device id and nothing else, so that a photograph of it tells no more than its text does.

In: an id and the room for it in millimetres. Out: its cells, each a whole number of a printer's dots.
"""

from __future__ import annotations

import segno

from tools.paper.png import MM_PER_INCH
from tools.paper.shapes import Cells

ERROR_LEVEL = "h"  # the highest of four: readable with 30 % of the code's words gone
# 25 cells a side hold any id at that level. Short ids would fit into 21, but there one scratch spoils a larger share,
# and there is no alignment mark for a label on a curved side.
VERSION = 2
QUIET_CELLS = 4  # white around it that readers rely on, in cells
CELL_DOTS_MIN = 5  # of 300 an inch, 0.42 mm: below it phone cameras of the cheaper kind give up


def matrix(device_id: str) -> tuple[tuple[bool, ...], ...]:
    """The code's cells without its quiet zone; true is black."""
    code = segno.make_qr(device_id, version=VERSION, error=ERROR_LEVEL, boost_error=False)
    return tuple(tuple(bool(cell) for cell in row) for row in code.matrix)


def cells(device_id: str, x: float, y: float, room: float, dpi: int) -> Cells:
    """The code in the middle of a square of `room` mm at (x, y), its quiet zone inside."""
    rows = matrix(device_id)
    dots = int(room * dpi / MM_PER_INCH / (len(rows) + 2 * QUIET_CELLS))
    if dots < CELL_DOTS_MIN:
        raise ValueError(f"{room} mm leave {dots} dots a cell")
    side = dots * MM_PER_INCH / dpi
    edge = (room - side * len(rows)) / 2
    return Cells(x + edge, y + edge, side, rows)
