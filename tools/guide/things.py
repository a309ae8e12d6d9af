"""The things that pictures are made of: unit, board, laptop, phone, hand, person.

In: a pen and a place in the picture. Out: strokes.
"""

from __future__ import annotations

from tools.guide.pen import LIGHT, MID, Pen
from tools.paper.shapes import BLACK, WHITE


def unit(pen: Pen, x: float, y: float, scale: float = 1.0, lit: bool = False) -> None:
    """The terminal from the front, 14 x 17 mm: lamp, red key, four keys, cancel."""
    s = scale
    pen.box(x, y, 14 * s, 17 * s, fill=LIGHT, radius=1.5 * s)
    pen.disc(x + 2 * s, y + 2 * s, 0.8 * s, fill=BLACK if lit else WHITE)
    pen.disc(x + 7 * s, y + 6 * s, 3.3 * s, fill=BLACK)
    for number in range(4):
        pen.disc(x + (2.3 + 3.13 * number) * s, y + 12 * s, 1.3 * s)
        if s > 0.8:
            pen.text(x + (2.3 + 3.13 * number) * s, y + 12.7 * s, str(number + 1), 1.9 * s)
    pen.box(x + 4.5 * s, y + 14.2 * s, 5 * s, 1.7 * s, radius=0.8 * s)


def board(pen: Pen, x: float, y: float) -> None:
    """The bare board, 15 x 11 mm."""
    pen.box(x, y, 15, 11, fill=LIGHT, radius=0.6)
    pen.box(x + 5, y + 2.6, 6, 6, fill=MID)
    pen.text(x + 8, y + 6.4, "ESP32", 1.8)
    for row in range(4):
        for side in (x + 4, x + 11.2):
            pen.line((side, y + 3.5 + row * 1.4), (side + 0.8, y + 3.5 + row * 1.4))


def laptop(pen: Pen, x: float, y: float, text: str = "") -> None:
    """A laptop, 16 x 12 mm."""
    pen.box(x + 1.5, y, 13, 8.6, fill=WHITE, radius=0.6)
    pen.box(x + 2.5, y + 1, 11, 6.6, fill=BLACK)
    pen.line((x + 1.5, y + 9.2), (x + 14.5, y + 9.2), (x + 16, y + 11.6), (x, y + 11.6), fill=LIGHT)
    if text:
        pen.text(x + 8, y + 5, text, 2.2, ink=WHITE)


def phone(pen: Pen, x: float, y: float, screen: str) -> None:
    """A mobile phone, 8 x 15 mm."""
    pen.box(x, y, 8, 15, fill=BLACK, radius=1.2)
    pen.box(x + 0.8, y + 1.6, 6.4, 10.6, fill=WHITE)
    pen.text(x + 4, y + 8, screen, 3.0 if len(screen) > 2 else 4.2)
    pen.disc(x + 4, y + 13.6, 0.6)


def antenna(pen: Pen, x: float, y: float) -> None:
    """A stick antenna standing on (x, y), sending."""
    pen.box(x - 0.7, y - 8, 1.4, 8, fill=BLACK, radius=0.6)
    for r in (2.0, 3.2):
        pen.arc(x, y - 6.8, r, -40, 40)
        pen.arc(x, y - 6.8, r, 140, 220)


def sim(pen: Pen, x: float, y: float) -> None:
    """A SIM card, 6 x 4.4 mm."""
    pen.line((x, y), (x + 4.6, y), (x + 6, y + 1.4), (x + 6, y + 4.4), (x, y + 4.4), fill=WHITE)
    pen.text(x + 2.9, y + 3.2, "SIM", 2.2)


def hand(pen: Pen, x: float, y: float) -> None:
    """A pointing finger whose tip is at (x, y), coming from the right."""
    pen.line(
        (x, y), (x + 0.9, y - 0.9), (x + 6.4, y - 0.9), (x + 9, y - 1.6), (x + 13, y - 1), (x + 13, y + 5),
        (x + 8.6, y + 5.4), (x + 6.2, y + 4.2), (x + 6, y + 0.9), (x + 0.9, y + 0.9), fill=WHITE, width=0.45,
    )  # fmt: skip
    for finger in (2.3, 3.7):
        pen.line((x + 6.1, y + finger - 0.6), (x + 8.6, y + finger - 0.6))


def person(pen: Pen, x: float, y: float) -> None:
    """Head and shoulders, the head's middle at (x, y)."""
    pen.line((x - 4.2, y + 8.5), (x - 3.4, y + 4.4), (x, y + 3), (x + 3.4, y + 4.4), (x + 4.2, y + 8.5), fill=LIGHT)
    pen.disc(x, y, 2.6, fill=WHITE)


def bubble(pen: Pen, x: float, y: float, w: float, text: str) -> None:
    """What somebody says; its tail points down at its left."""
    pen.box(x, y, w, 5.4, radius=1.6)
    pen.line((x + 2.2, y + 5.2), (x + 1.4, y + 7.4), (x + 4.2, y + 5.2), fill=WHITE)
    pen.text(x + w / 2, y + 3.8, text, 3.0)


def plug(pen: Pen, x: float, y: float) -> None:
    """A plug pointing left, its pins' tips at (x, y)."""
    for pin in (-1.4, 1.4):
        pen.line((x, y + pin), (x + 2.4, y + pin), width=0.8)
    pen.line((x + 2.4, y - 2.6), (x + 5.4, y - 1.6), (x + 5.4, y + 1.6), (x + 2.4, y + 2.6), fill=LIGHT)
    pen.line((x + 5.4, y), (x + 9, y), width=0.9)


def socket(pen: Pen, x: float, y: float) -> None:
    """A wall socket, 6 mm, seen from the front."""
    pen.box(x, y, 6, 6, radius=0.8)
    for dx, dy in ((-1, 0.9), (1, 0.9)):
        pen.line((x + 3 + dx, y + 3 + dy), (x + 3 + dx * 1.6, y + 4.2 + dy * 0.6), width=0.6)
    pen.line((x + 3, y + 1.2), (x + 3, y + 2.4), width=0.6)


def tag(pen: Pen, x: float, y: float, w: float = 12.0) -> None:
    """The label: QR code at the right, lines of type at the left."""
    h = w * 0.7
    pen.box(x, y, w, h)
    pen.box(x + 0.8, y + 0.8, w - 1.6, h * 0.26, fill=BLACK)
    for row in range(2):
        pen.line((x + 1, y + h * (0.56 + 0.24 * row)), (x + w * 0.5, y + h * (0.56 + 0.24 * row)), width=0.8)
    qr(pen, x + w * 0.62, y + h * 0.42, w * 0.32)


def qr(pen: Pen, x: float, y: float, side: float) -> None:
    """The look of a QR code; it says nothing."""
    cell = side / 7
    for column, row in ((0, 0), (4, 0), (0, 4)):
        pen.box(x + column * cell, y + row * cell, 3 * cell, 3 * cell, fill=WHITE)
        pen.box(x + (column + 1) * cell, y + (row + 1) * cell, cell, cell, fill=BLACK)
    for column, row in ((4, 4), (6, 5), (5, 6), (3, 3)):
        pen.box(x + column * cell, y + row * cell, cell, cell, fill=BLACK)
