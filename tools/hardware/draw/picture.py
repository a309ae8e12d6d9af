"""Lines, boxes, words and the symbols of a circuit diagram, as SVG.

In: coordinates in pixels, x to the right and y down. Out: the text of one SVG.
Must never fetch a font or a style from elsewhere: it is printed on a bench without network.
"""

from __future__ import annotations

from html import escape

INK, PALE, RED, BLUE, GREEN, GREY = "#1a1a1a", "#f4f6f8", "#b3261e", "#0b57a4", "#1d6b34", "#5f6368"
_FONT = "'Noto Sans', 'DejaVu Sans', Arial, sans-serif"


class Picture:
    """One drawing."""

    def __init__(self, width: int, height: int, title: str, note: str) -> None:
        self.width, self.height = width, height
        self._shapes: list[str] = []
        self.text(30, 40, title, size=22, bold=True)
        self.text(30, 62, note, size=12, ink=GREY)
        self.text(
            width - 30, height - 16, "okb-a, made by code from the netlist; not built", size=11, ink=GREY, at="end"
        )

    def svg(self) -> str:
        """The text."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}">',
                f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>',
                *self._shapes, "</svg>", "",
            ]
        )  # fmt: skip

    def text(
        self, x: float, y: float, words: str, *, size: int = 13, bold: bool = False, ink: str = INK, at: str = "start"
    ) -> None:
        """Words on a base line; `at` is start, middle or end."""
        style = f'font-size="{size}" fill="{ink}" text-anchor="{at}"' + (' font-weight="bold"' if bold else "")
        self._shapes.append(f'<text x="{x:g}" y="{y:g}" {style}>{escape(words)}</text>')

    def line(self, *points: tuple[float, float], ink: str = INK, wide: float = 1.6, dashed: bool = False) -> None:
        """A line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._shapes.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="{wide:g}"{dash}/>')

    def arrow(self, *points: tuple[float, float], ink: str = INK, wide: float = 1.6) -> None:
        """A line with a head at its end; its last stretch is level or upright."""
        self.line(*points, ink=ink, wide=wide)
        (x0, y0), (x, y) = points[-2], points[-1]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        head = [(x, y), (x - 9 * dx - 5 * dy, y - 9 * dy - 5 * dx), (x - 9 * dx + 5 * dy, y - 9 * dy + 5 * dx)]
        path = " ".join(f"{px:g},{py:g}" for px, py in head)
        self._shapes.append(f'<polygon points="{path}" fill="{ink}"/>')

    def box(self, x: float, y: float, width: float, height: float, rows: tuple[str, ...], *, fill: str = PALE) -> None:
        """A box; the first row is its name, the others stand below it."""
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{INK}"/>'
        )
        for number, row in enumerate(rows):
            self.text(x + width / 2, y + 20 + 16 * number, row, size=13 if number == 0 else 12, bold=number == 0,
                      at="middle", ink=INK if number == 0 else GREY)  # fmt: skip

    def dot(self, x: float, y: float) -> None:
        """Lines that meet."""
        self._shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="3.2" fill="{INK}"/>')

    def ring(self, x: float, y: float) -> None:
        """An open contact."""
        self._shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="#ffffff" stroke="{INK}" stroke-width="1.6"/>')

    def resistor(self, x: float, y: float, label: str, *, upright: bool = False) -> None:
        """In the middle of 60 pixels of line, level or upright."""
        if upright:
            self.line((x, y - 30), (x, y - 18))
            self.line((x, y + 18), (x, y + 30))
            self._rect(x - 7, y - 18, 14, 36)
            self.text(x + 14, y + 4, label, size=12)
        else:
            self.line((x - 30, y), (x - 18, y))
            self.line((x + 18, y), (x + 30, y))
            self._rect(x - 18, y - 7, 36, 14)
            self.text(x, y - 13, label, size=12, at="middle")

    def capacitor(self, x: float, y: float, label: str) -> None:
        """Upright, from 30 pixels above to 30 below."""
        self.line((x, y - 30), (x, y - 4))
        self.line((x, y + 4), (x, y + 30))
        self.line((x - 11, y - 4), (x + 11, y - 4), wide=2.4)
        self.line((x - 11, y + 4), (x + 11, y + 4), wide=2.4)
        self.text(x + 16, y + 5, label, size=12)

    def ground(self, x: float, y: float) -> None:
        """Ground below a point."""
        for number, half in enumerate((11, 7, 3)):
            self.line((x - half, y + 5 * number), (x + half, y + 5 * number), wide=2)

    def rail(self, x: float, y: float, name: str) -> None:
        """A supply above a point."""
        self.line((x - 12, y), (x + 12, y), wide=2.4, ink=RED)
        self.text(x, y - 6, name, size=12, at="middle", ink=RED)

    def switch(self, x: float, y: float) -> None:
        """An open key, 50 pixels wide, its left contact at the point."""
        self.ring(x, y)
        self.ring(x + 50, y)
        self.line((x + 4, y - 2), (x + 46, y - 18))

    def npn(self, x: float, y: float, label: str) -> None:
        """A transistor with its base at the point; collector 30 up and emitter 30 down, both 30 to the right."""
        self.line((x, y), (x + 12, y))
        self.line((x + 12, y - 16), (x + 12, y + 16), wide=2.6)
        self.line((x + 12, y - 6), (x + 30, y - 18), (x + 30, y - 30))
        self.arrow((x + 12, y + 6), (x + 30, y + 18), (x + 30, y + 30))
        self.text(x + 38, y + 5, label, size=12)

    def _rect(self, x: float, y: float, width: float, height: float) -> None:
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="#ffffff" stroke="{INK}"'
            ' stroke-width="1.6"/>'
        )
