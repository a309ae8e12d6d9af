"""The shapes of a sheet. Millimetres from the top left corner, y downwards; inks are `#rrggbb`.

In: nothing. Out: plain data that pdf.py and png.py draw. A shape never measures or decides.
"""

from __future__ import annotations

from dataclasses import dataclass

BLACK, WHITE = "#000000", "#ffffff"
Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """One line. `y` is its baseline, `x` its left end, middle or right end by `anchor` (l, m, r)."""

    x: float
    y: float
    text: str
    size: float  # the font's em
    bold: bool = False
    ink: str = BLACK
    anchor: str = "l"


@dataclass(frozen=True)
class Box:
    """A rectangle, its corners rounded by `radius`; `width` is that of its line."""

    x: float
    y: float
    w: float
    h: float
    fill: str | None = None
    line: str | None = None
    width: float = 0.4
    radius: float = 0.0


@dataclass(frozen=True)
class Disc:
    """A circle around (x, y)."""

    x: float
    y: float
    r: float
    fill: str | None = None
    line: str | None = None
    width: float = 0.4


@dataclass(frozen=True)
class Line:
    """Straight pieces through points; with `fill`, the closed area between them."""

    points: tuple[Point, ...]
    line: str | None = BLACK
    width: float = 0.4
    fill: str | None = None


@dataclass(frozen=True)
class Cells:
    """A grid of square black cells, row by row; true is black."""

    x: float
    y: float
    side: float  # of one cell
    rows: tuple[tuple[bool, ...], ...]


Shape = Text | Box | Disc | Line | Cells


@dataclass(frozen=True)
class Sheet:
    """A page: its size, what it is called, and its shapes in the order of drawing."""

    title: str
    w: float
    h: float
    shapes: tuple[Shape, ...]

    def texts(self) -> list[str]:
        """Every line of text on it, in the order of drawing."""
        return [shape.text for shape in self.shapes if isinstance(shape, Text)]
