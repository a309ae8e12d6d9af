"""One picture a step, each in a room of 35 x 21 mm.

In: a name and a place on the sheet. Out: shapes. Pictures say the same as the words below them, to whoever skips those.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.guide import things
from tools.guide.pen import LIGHT, MID, Pen
from tools.paper.shapes import BLACK, WHITE, Shape


def _fit(pen: Pen) -> None:
    things.board(pen, 12, 9.6)
    things.antenna(pen, 25, 9.6)
    pen.box(12, 16, 3.4, 3, fill=WHITE)
    things.sim(pen, 1, 15.3)
    pen.arrow(7.6, 17.5, 11.8, 17.5)
    pen.arrow(31, 2, 31, 8.6)


def _cable(pen: Pen) -> None:
    things.laptop(pen, 0.5, 1)
    things.board(pen, 19.5, 1.4)
    pen.line((8.5, 13), (8.5, 19), (27, 19), (27, 16.4), width=1.0)
    pen.box(25.6, 12.6, 2.8, 3.8, fill=BLACK)
    pen.text(17.4, 17.6, "USB", 3.4)


def _command(pen: Pen) -> None:
    pen.box(2, 2, 31, 17, fill=BLACK, radius=1.2)
    pen.box(2.6, 2.6, 29.8, 2.6, fill=LIGHT)
    for number in range(3):
        pen.disc(4.4 + number * 2, 3.9, 0.6)
    pen.text(14.4, 13.2, "$ ./flash.sh", 4.2, ink=WHITE)


def _progress(pen: Pen) -> None:
    for row, (word, part) in enumerate((("检查", 1.0), ("写入", 1.0), ("回读", 0.6), ("身份", 0.0))):
        y = 1.6 + row * 4.8
        pen.text(4, y + 2.8, word, 2.8)
        pen.box(8.4, y, 18, 3.4)
        if part:
            pen.box(8.4, y, 18 * part, 3.4, fill=MID)
        if part == 1:
            pen.tick(29.4, y + 1.7, 1.4)


def _keys(pen: Pen) -> None:
    things.unit(pen, 4, 3)
    things.hand(pen, 12, 9.4)
    things.bubble(pen, 19.4, 0, 15, "现在按")


def _count(pen: Pen) -> None:
    pen.disc(7, 8, 2.6, fill=BLACK)
    for x, y, to_x, to_y in (
        (7, 4, 7, 1.8),
        (3, 8, 0.8, 8),
        (11, 8, 13.2, 8),
        (4.2, 5.2, 2.6, 3.6),
        (9.8, 5.2, 11.4, 3.6),
    ):
        pen.line((x, y), (to_x, to_y), width=0.7)
    pen.line((3, 15.4), (5, 15.4), (7.6, 13.2), (7.6, 20), (5, 17.8), (3, 17.8), fill=LIGHT)
    for r in (2, 3.6):
        pen.arc(7.6, 16.6, r + 1, -45, 45)
    pen.text(16.4, 12.2, "×3", 5)
    pen.arrow(21.2, 10.4, 25.8, 10.4)
    pen.box(26.4, 6, 8, 8.6, radius=1)
    pen.text(30.4, 12.4, "3", 5.4)


def _call(pen: Pen) -> None:
    things.phone(pen, 3, 3, "3")
    pen.arc(3, 6, 2.4, 130, 230)
    pen.arc(3, 6, 1.2, 130, 230)
    things.socket(pen, 16, 7.5)
    things.plug(pen, 24.4, 10.5)
    pen.arrow(24, 16.6, 31, 16.6)


def _label(pen: Pen) -> None:
    things.unit(pen, 18, 2, lit=True)
    things.tag(pen, 1, 6, 12)
    pen.arrow(13.6, 10.2, 17.6, 10.2)
    pen.tick(7, 3.2, 1.8)


def _scan(pen: Pen) -> None:
    things.phone(pen, 2, 3, "")
    things.qr(pen, 3.7, 6.6, 4.6)
    pen.arrow(11.4, 10.5, 16, 10.5)
    _house(pen, 17, 2.5)
    pen.text(25.5, 15.6, "3-201", 3.0)


def _house(pen: Pen, x: float, y: float) -> None:
    pen.line((x, y + 7.5), (x + 8.5, y), (x + 17, y + 7.5), fill=LIGHT)
    pen.box(x + 1.8, y + 7.5, 13.4, 9)


def _place(pen: Pen) -> None:
    pen.box(2.6, 13, 14, 3.6, fill=LIGHT, radius=0.6)
    pen.box(1, 9, 1.6, 10.6, fill=MID)
    pen.box(16.6, 13, 1.6, 6.6, fill=MID)
    pen.disc(5, 11.2, 1.9)
    pen.line((7, 12.6), (8.4, 11), (15, 11.6), (16.6, 13), fill=WHITE)
    pen.line((8.6, 11.4), (12, 8.4), (16.6, 7.6), width=0.9)
    things.unit(pen, 17.6, 1.6, 0.62)
    things.socket(pen, 28, 13)
    pen.line((22, 12.1), (22, 16), (28, 16), width=0.7)
    for bar in range(4):
        pen.box(28.4 + bar * 1.7, 7 - bar * 1.3, 1.1, 1.2 + bar * 1.3, fill=BLACK)


def _press(pen: Pen) -> None:
    things.person(pen, 5.4, 10)
    things.unit(pen, 11.2, 6.5, 0.68, lit=True)
    pen.line((8.4, 14.8), (12.6, 13.2), (15.2, 11), width=1.0)
    things.person(pen, 29, 11.5)
    pen.arc(29, 10.6, 3.2, 180, 360, width=0.7)
    pen.box(25.2, 10, 1.3, 2.6, fill=BLACK)
    things.bubble(pen, 18.2, 0.6, 15.6, "您好！")


def _ambulance(pen: Pen) -> None:
    things.person(pen, 6, 11)
    things.phone(pen, 12.6, 3, "120")
    pen.disc(28.2, 8.6, 5)
    pen.line((28.2, 5), (28.2, 8.6), (31, 9.8), width=0.6)
    pen.text(28.2, 18.4, "约好", 3.4)


def _sign(pen: Pen) -> None:
    pen.box(1, 6, 13, 9.6, fill=LIGHT, radius=1)
    pen.box(3, 4.2, 4, 1.8, fill=MID)
    pen.disc(7.5, 10.8, 3.2)
    pen.disc(7.5, 10.8, 1.6, fill=BLACK)
    pen.box(18, 2.6, 15, 16)
    for row in range(3):
        pen.line((20, 5.6 + row * 2.4), (31, 5.6 + row * 2.4), ink=MID)
    pen.line((20, 16), (22, 13.6), (23, 16), (25, 13.4), (26, 16), (28.4, 14.6), width=0.6)
    pen.line((28.4, 14.8), (32.6, 8.6), (34, 9.6), (29.8, 15.4), fill=WHITE)


_ALL: dict[str, Callable[[Pen], None]] = {
    "fit": _fit, "cable": _cable, "command": _command, "progress": _progress, "keys": _keys, "count": _count,
    "call": _call, "label": _label, "scan": _scan, "place": _place, "press": _press, "ambulance": _ambulance,
    "sign": _sign,
}  # fmt: skip


def picture(name: str, x: float, y: float) -> list[Shape]:
    """The shapes of one picture, its corner at (x, y) mm."""
    pen = Pen(x, y)
    _ALL[name](pen)
    return pen.shapes
