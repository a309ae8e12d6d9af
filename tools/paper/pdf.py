"""A sheet as PDF: vector shapes, real text, and only the glyphs it uses embedded.

In: a sheet. Out: bytes, the same for the same sheet whenever they are made. Nothing is written to disk.
"""

from __future__ import annotations

from io import BytesIO

from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from tools.paper import fonts
from tools.paper.shapes import WHITE, Box, Cells, Disc, Line, Sheet, Text


class _Page:
    """A canvas in our millimetres, y downwards."""

    def __init__(self, canvas: Canvas, height_mm: float) -> None:
        self.canvas = canvas
        self.height = height_mm

    def y(self, y_mm: float) -> float:
        return float((self.height - y_mm) * mm)

    def inks(self, fill: str | None, line: str | None, width: float) -> dict[str, int]:
        """Set the inks; what to paint, as reportlab's arguments."""
        if fill:
            self.canvas.setFillColor(fill)
        if line:
            self.canvas.setStrokeColor(line)
            self.canvas.setLineWidth(width * mm)
        return {"fill": int(bool(fill)), "stroke": int(bool(line))}

    def text(self, shape: Text) -> None:
        self.canvas.setFillColor(shape.ink)
        self.canvas.setFont(fonts.font(shape.bold).fontName, shape.size * mm)
        draw = {"l": "drawString", "m": "drawCentredString", "r": "drawRightString"}[shape.anchor]
        getattr(self.canvas, draw)(shape.x * mm, self.y(shape.y), shape.text)

    def box(self, shape: Box) -> None:
        paint = self.inks(shape.fill, shape.line, shape.width)
        place = (shape.x * mm, self.y(shape.y + shape.h), shape.w * mm, shape.h * mm)
        if shape.radius:
            self.canvas.roundRect(*place, shape.radius * mm, **paint)
        else:
            self.canvas.rect(*place, **paint)

    def disc(self, shape: Disc) -> None:
        paint = self.inks(shape.fill, shape.line, shape.width)
        self.canvas.circle(shape.x * mm, self.y(shape.y), shape.r * mm, **paint)

    def line(self, shape: Line) -> None:
        paint = self.inks(shape.fill, shape.line, shape.width)
        path = self.canvas.beginPath()
        path.moveTo(shape.points[0][0] * mm, self.y(shape.points[0][1]))
        for x, y in shape.points[1:]:
            path.lineTo(x * mm, self.y(y))
        if shape.fill:
            path.close()
        self.canvas.drawPath(path, **paint)

    def cells(self, shape: Cells) -> None:
        """One path for all cells: separate ones would show hairlines between them."""
        self.canvas.setFillColor("#000000")
        path = self.canvas.beginPath()
        for row, cells in enumerate(shape.rows):
            for column, black in enumerate(cells):
                if black:
                    x, y = shape.x + column * shape.side, shape.y + (row + 1) * shape.side
                    path.rect(x * mm, self.y(y), shape.side * mm, shape.side * mm)
        self.canvas.drawPath(path, fill=1, stroke=0)


def render(sheet: Sheet) -> bytes:
    """The file's bytes; raises NoFontError."""
    for bold in (False, True):
        pdfmetrics.registerFont(fonts.font(bold))
    out = BytesIO()
    first = fonts.font(bold=False).fontName  # else reportlab names one that it does not embed
    canvas = Canvas(out, pagesize=(sheet.w * mm, sheet.h * mm), invariant=1, lang="zh-CN", initialFontName=first)
    canvas.setTitle(sheet.title)
    canvas.setAuthor("OneKeyCall")
    canvas.setLineCap(1)
    canvas.setLineJoin(1)
    page = _Page(canvas, sheet.h)
    page.box(Box(0, 0, sheet.w, sheet.h, fill=WHITE))
    draw = {Text: page.text, Box: page.box, Disc: page.disc, Line: page.line, Cells: page.cells}
    for shape in sheet.shapes:
        draw[type(shape)](shape)  # type: ignore[operator]
    canvas.showPage()
    canvas.save()
    return out.getvalue()
