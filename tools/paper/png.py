"""A sheet as PNG, one pixel a dot of the printer.

In: a sheet and dots per inch. Out: bytes; with `bilevel` only black and white, because a thermal printer has no grey
and its driver would turn soft edges into specks.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from tools.paper import fonts
from tools.paper.shapes import BLACK, WHITE, Box, Cells, Disc, Line, Sheet, Text

MM_PER_INCH = 25.4
_HALF = 128  # of 255: darker than this is a black dot


@lru_cache(maxsize=64)  # a sheet uses a dozen sizes; a loaded face is some 10 MB mapped
def _font(bold: bool, size_px: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(fonts.path(bold)), size_px, layout_engine=ImageFont.Layout.BASIC)


class _Page:
    """An image in our millimetres."""

    def __init__(self, sheet: Sheet, dpi: int) -> None:
        self.scale = dpi / MM_PER_INCH
        self.image = Image.new("RGB", (self.dots(sheet.w), self.dots(sheet.h)), WHITE)
        self.draw = ImageDraw.Draw(self.image)

    def dots(self, length_mm: float) -> int:
        return round(length_mm * self.scale)

    def text(self, shape: Text) -> None:
        face = _font(shape.bold, shape.size * self.scale)
        at = (shape.x * self.scale, shape.y * self.scale)
        self.draw.text(at, shape.text, fill=shape.ink, font=face, anchor=shape.anchor + "s")

    def box(self, shape: Box) -> None:
        corners = (
            self.dots(shape.x),
            self.dots(shape.y),
            self.dots(shape.x + shape.w) - 1,
            self.dots(shape.y + shape.h) - 1,
        )
        width = max(1, self.dots(shape.width)) if shape.line else 0
        self.draw.rounded_rectangle(corners, self.dots(shape.radius), shape.fill, shape.line, width)

    def disc(self, shape: Disc) -> None:
        r = shape.r + (shape.width / 2 if shape.line else 0)  # a line lies on both sides of its edge, as in a PDF
        corners = [(v * self.scale) for v in (shape.x - r, shape.y - r, shape.x + r, shape.y + r)]
        width = max(1, self.dots(shape.width)) if shape.line else 0
        self.draw.ellipse(corners, shape.fill, shape.line, width)

    def line(self, shape: Line) -> None:
        points = [(x * self.scale, y * self.scale) for x, y in shape.points]
        if shape.fill:
            self.draw.polygon(points, shape.fill)
        if shape.line:
            width = max(1, self.dots(shape.width))
            closed = [*points, points[0]] if shape.fill else points
            self.draw.line(closed, shape.line, width, joint="curve")
            for x, y in closed:
                self.draw.circle((x, y), width / 2, shape.line)

    def cells(self, shape: Cells) -> None:
        """Every cell is the same whole number of dots."""
        side, left, top = self.dots(shape.side), self.dots(shape.x), self.dots(shape.y)
        for row, cells in enumerate(shape.rows):
            for column, black in enumerate(cells):
                if black:
                    x, y = left + column * side, top + row * side
                    self.draw.rectangle((x, y, x + side - 1, y + side - 1), BLACK)


def render(sheet: Sheet, dpi: int, bilevel: bool = False) -> bytes:
    """The file's bytes, its resolution written into it; raises NoFontError."""
    page = _Page(sheet, dpi)
    draw = {Text: page.text, Box: page.box, Disc: page.disc, Line: page.line, Cells: page.cells}
    for shape in sheet.shapes:
        draw[type(shape)](shape)  # type: ignore[operator]
    image: Image.Image = page.image
    if bilevel:
        image = image.convert("L").point(lambda value: 255 if value >= _HALF else 0).convert("1")
    out = BytesIO()
    image.save(out, "PNG", dpi=(dpi, dpi), optimize=True)
    return out.getvalue()
