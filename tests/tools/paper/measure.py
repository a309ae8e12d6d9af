"""What a shape covers on the paper.

In: a shape. Out: millimetres.
"""

from __future__ import annotations

from tools.paper import fonts
from tools.paper.shapes import Box, Cells, Disc, Line, Text


def edges(shape: object) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what a shape covers, mm."""
    if isinstance(shape, Text):
        wide = fonts.width(shape.text, shape.size, shape.bold)
        left = shape.x - {"l": 0.0, "m": wide / 2, "r": wide}[shape.anchor]
        return left, shape.y - 0.88 * shape.size, left + wide, shape.y + 0.12 * shape.size
    if isinstance(shape, Box):
        return shape.x, shape.y, shape.x + shape.w, shape.y + shape.h
    if isinstance(shape, Disc):
        return shape.x - shape.r, shape.y - shape.r, shape.x + shape.r, shape.y + shape.r
    if isinstance(shape, Cells):
        return shape.x, shape.y, shape.x + shape.side * len(shape.rows), shape.y + shape.side * len(shape.rows)
    assert isinstance(shape, Line)
    xs, ys = [x for x, _y in shape.points], [y for _x, y in shape.points]
    return min(xs), min(ys), max(xs), max(ys)
