"""Running text on a sheet: lines broken as Chinese wants it, commands set apart.

In: a text in which `commands` stand between backticks. Out: shapes, and where the text ends. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tools.paper import fonts
from tools.paper.shapes import BLACK, Box, Shape, Text

_OPENS, _CLOSES = "（“《", "，。；：、！？）”》…"
# Latin words stay whole and Chinese breaks anywhere, but never after what opens nor before what closes.
_WORD = re.compile(f"[{_OPENS}]*(?:[!-~]+ ?|.)[{_CLOSES}]*")
COMMAND_GROUND = "#d6d6d6"  # light enough for a copy of a copy


@dataclass
class _Line:
    width: float = 0.0
    runs: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, word: str, command: bool, width: float) -> None:
        self.width += width
        if self.runs and self.runs[-1][1] == command:
            self.runs[-1] = (self.runs[-1][0] + word, command)
        else:
            self.runs.append((word, command))


def lines(text: str, width: float, size: float, bold: bool = False) -> list[_Line]:
    """The text in lines of at most `width` mm. A command is broken only where it is wider than a line."""
    made = [_Line()]
    for at, piece in enumerate(text.split("`")):
        command = at % 2 == 1
        whole = command and fonts.width(piece, size, bold=True) <= width
        for word in [piece] if whole else _WORD.findall(piece):
            wide = fonts.width(word, size, bold or command)
            if made[-1].runs and made[-1].width + fonts.width(word.rstrip(), size, bold or command) > width:
                made.append(_Line())
            made[-1].add(word, command, wide)
    return made


def flow(text: str, x: float, y: float, width: float, size: float, *, bold: bool = False) -> tuple[list[Shape], float]:
    """Shapes of a paragraph whose first line's top is at `y`, and the top of what may follow (mm)."""
    leading = size * 1.36
    shapes: list[Shape] = []
    for line in lines(text, width, size, bold):
        at = x
        for run, command in line.runs:
            wide = fonts.width(run, size, bold=bold or command)
            if command:
                ground = fonts.width(run.rstrip(), size, bold=True)
                shapes.append(Box(at - 0.3, y + size * 0.1, ground + 0.6, size * 1.2, fill=COMMAND_GROUND, radius=0.5))
            shapes.append(Text(at, y + size * 1.02, run.rstrip(), size, bold=bold or command, ink=BLACK))
            at += wide
        y += leading
    return shapes, y
