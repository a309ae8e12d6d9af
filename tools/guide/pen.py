"""Drawing a small picture: shapes placed from the picture's own corner.

In: strokes in the picture's millimetres. Out: shapes on the sheet.
"""

from __future__ import annotations

from math import cos, pi, sin

from tools.paper.shapes import BLACK, WHITE, Box, Disc, Line, Point, Shape, Text

LIGHT, MID = "#e6e6e6", "#9a9a9a"  # two greys that a black and white printer keeps apart
W, H = 35.0, 21.0  # every picture's room, mm


class Pen:
    """Draws from (x, y) of the sheet."""

    def __init__(self, x: float, y: float) -> None:
        self.x, self.y = x, y
        self.shapes: list[Shape] = []

    def box(self, x: float, y: float, w: float, h: float, *, fill: str = WHITE, radius: float = 0.0) -> None:
        """A rectangle with a line around it."""
        self.shapes.append(Box(self.x + x, self.y + y, w, h, fill=fill, line=BLACK, width=0.35, radius=radius))

    def disc(self, x: float, y: float, r: float, fill: str | None = WHITE) -> None:
        """A circle with a line around it."""
        self.shapes.append(Disc(self.x + x, self.y + y, r, fill=fill, line=BLACK, width=0.35))

    def line(self, *points: Point, width: float = 0.35, fill: str | None = None, ink: str = BLACK) -> None:
        """Straight pieces; filled, an area."""
        moved = tuple((self.x + x, self.y + y) for x, y in points)
        self.shapes.append(Line(moved, line=ink, width=width, fill=fill))

    def text(self, x: float, y: float, text: str, size: float = 3.0, ink: str = BLACK) -> None:
        """Bold, centred on x."""
        self.shapes.append(Text(self.x + x, self.y + y, text, size, bold=True, ink=ink, anchor="m"))

    def arc(self, x: float, y: float, r: float, start: float, end: float, *, width: float = 0.35) -> None:
        """A piece of a circle, from `start` to `end` degrees, clockwise from the right."""
        steps = 12
        angles = [(start + (end - start) * n / steps) * pi / 180 for n in range(steps + 1)]
        self.line(*((x + r * cos(a), y + r * sin(a)) for a in angles), width=width)

    def arrow(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """A thick arrow from one point to another, along an axis."""
        long = max(abs(to_x - x), abs(to_y - y))
        dx, dy = (to_x - x) / long, (to_y - y) / long
        back_x, back_y = to_x - 2.2 * dx, to_y - 2.2 * dy
        self.line((x, y), (back_x, back_y), width=0.9)
        self.line(
            (to_x, to_y), (back_x - 1.4 * dy, back_y + 1.4 * dx), (back_x + 1.4 * dy, back_y - 1.4 * dx), fill=BLACK
        )

    def cross(self, x: float, y: float, r: float) -> None:
        """Not so."""
        self.line((x - r, y - r), (x + r, y + r), width=0.9)
        self.line((x - r, y + r), (x + r, y - r), width=0.9)

    def tick(self, x: float, y: float, r: float) -> None:
        """So."""
        self.line((x - r, y), (x - r * 0.2, y + r * 0.8), (x + r, y - r * 0.8), width=0.9)
