"""Where everything stands on the technician's page.

In: the words and pictures. Out: a sheet of A4. Pure.
"""

from __future__ import annotations

from tools.guide import words
from tools.guide.pen import LIGHT, W
from tools.guide.pictures import picture
from tools.paper import fonts
from tools.paper.flow import flow
from tools.paper.shapes import BLACK, WHITE, Box, Disc, Line, Shape, Sheet, Text

A4 = (210.0, 297.0)
MARGIN = 10.0  # office printers leave 5 mm white; a punch takes the rest
BODY, SMALL = 3.5, 3.2  # mm: 10 and 9 pt, read at a bench from half a metre
_WIDE = A4[0] - 2 * MARGIN
_GAP = 1.6


def page() -> Sheet:
    """The one page."""
    shapes: list[Shape] = [
        Text(MARGIN, 17.2, words.TITLE, 7.6, bold=True),
        Text(MARGIN, 23.4, words.RULE, 3.8, bold=True),
        *_bar(words.BENCH, MARGIN, 26, _WIDE),
        *_steps(words.BENCH_STEPS[:4], 1, 33.6, 46),
        *_steps(words.BENCH_STEPS[4:], 5, 81.2, 46),
        *_bar(words.FAILED, MARGIN, 130, 126),
        *_failures(MARGIN, 137.2, 126),
        *_never(MARGIN + 126 + _GAP, 130, _WIDE - 126 - _GAP, 78.4),
        *_bar(words.HOME, MARGIN, 211.4, _WIDE),
        *_steps(words.HOME_STEPS, 1 + len(words.BENCH_STEPS), 219, 50.4),
        *_later(271.2),
    ]
    return Sheet(words.TITLE, *A4, tuple(shapes))


def _bar(text: str, x: float, y: float, w: float) -> list[Shape]:
    return [Box(x, y, w, 6, fill=BLACK), Text(x + 2, y + 4.4, text, 4.2, bold=True, ink=WHITE)]


def _steps(steps: tuple[tuple[str, str, str], ...], first: int, y: float, h: float) -> list[Shape]:
    """Numbered pictures in a row."""
    shapes: list[Shape] = []
    w = (_WIDE - _GAP * (len(steps) - 1)) / len(steps)
    for column, (name, title, text) in enumerate(steps):
        x = MARGIN + column * (w + _GAP)
        number = str(first + column)
        number_mm = fonts.fitted(number, 4, 4.2, bold=True)
        title_mm = fonts.fitted(title, w - 10, 4.2, bold=True)
        body, _end = flow(text, x + 2, y + 31.2, w - 4, BODY)
        shapes += [
            Box(x, y, w, h, line=BLACK, width=0.3, radius=1.2),
            Disc(x + 4, y + 4.4, 3, fill=BLACK),
            Text(x + 4, y + 4.4 + fonts.MIDDLE * number_mm, number, number_mm, bold=True, ink=WHITE, anchor="m"),
            Text(x + 8.2, y + 6, title, title_mm, bold=True),
            *picture(name, x + (w - W) / 2, y + 9.4),
            *body,
        ]
    return shapes


def _failures(x: float, y: float, w: float) -> list[Shape]:
    """What the line says, and what to do."""
    shapes: list[Shape] = []
    left = 39.0
    h = 8.9
    for row, (says, do, _failures) in enumerate(words.FAILURES):
        top = y + row * h
        if row % 2 == 0:
            shapes.append(Box(x, top, w, h, fill=LIGHT))
        for text, at, room, bold in ((says, x + 1.5, left - 3, True), (do, x + left + 4, w - left - 5, False)):
            _shapes, end = flow(text, at, 0, room, SMALL, bold=bold)
            shapes += flow(text, at, top + (h - end) / 2, room, SMALL, bold=bold)[0]
        middle = top + h / 2
        shapes.append(Line(((x + left, middle - 1.1), (x + left + 1.8, middle), (x + left, middle + 1.1)), fill=BLACK))
    return shapes


def _never(x: float, y: float, w: float, h: float) -> list[Shape]:
    """The box that nobody overlooks."""
    shapes: list[Shape] = [
        Box(x, y, w, h, line=BLACK, width=1.4),
        Box(x, y, w, 11, fill=BLACK),
        Text(x + w / 2, y + 8.2, words.NEVER, 7.4, bold=True, ink=WHITE, anchor="m"),
    ]
    top = y + 14.4
    for text in words.NEVERS:
        shapes += [
            Line(((x + 3, top + 0.8), (x + 6.2, top + 4)), width=0.9),
            Line(((x + 3, top + 4), (x + 6.2, top + 0.8)), width=0.9),
        ]
        body, end = flow(text, x + 8.6, top, w - 11, 3.8, bold=True)
        shapes += body
        top = end + 1.5
    shapes += flow(words.NEVER_DIAL, x + 3, y + h - 6.6, w - 5, 3.6, bold=True)[0]
    return shapes


def _later(y: float) -> list[Shape]:
    """What else happens to a terminal, one command each."""
    shapes: list[Shape] = []
    w = (_WIDE - _GAP * 3) / 4
    for column, (what, command, note) in enumerate(words.LATER):
        x = MARGIN + column * (w + _GAP)
        shapes += [
            Box(x, y, w, 15, fill=None, line=BLACK, width=0.3, radius=1.2),
            Text(x + 2, y + 5.4, what, 4.0, bold=True),
            Text(x + w - 2, y + 5.4, note, SMALL, anchor="r"),
            *flow(command, x + 2.2, y + 8, w - 4, 3.6)[0],
        ]
    return shapes
