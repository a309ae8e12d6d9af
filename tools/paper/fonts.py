"""The two weights of Noto Sans SC (SIL Open Font Licence) that everything printed uses.

In: text and a size in millimetres. Out: its width, or which of its characters the font lacks. A machine's own fonts are
never asked: what leaves a bench must look the same in every district.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFont

FOLDER = Path(__file__).with_name("vendor")  # filled by tools/build_assets.py when the project is installed
FILES = {False: "NotoSansSC-Regular.ttf", True: "NotoSansSC-Bold.ttf"}
# Half the height of a capital (and of a Chinese character), as a share of the size: from a centre line to a baseline.
MIDDLE = 0.37


class NoFontError(Exception):
    """字体文件不在，请重新运行 ./flash.sh 或 ./tools/demo 完成安装 / the fonts are missing: run the set-up again."""


def path(bold: bool) -> Path:
    """The TrueType file of a weight; raises NoFontError where the set-up did not bring it."""
    found = FOLDER / FILES[bold]
    if not found.exists():
        raise NoFontError(NoFontError.__doc__)
    return found


@lru_cache(maxsize=2)
def font(bold: bool) -> TTFont:
    """A weight as reportlab knows it, named after its file."""
    return TTFont(FILES[bold].removesuffix(".ttf"), str(path(bold)))


def width(text: str, size_mm: float, bold: bool = False) -> float:
    """Millimetres that a line of text takes."""
    return float(font(bold).stringWidth(text, size_mm))


def missing(text: str) -> str:
    """The characters of a text that the fonts have no glyph for: they would come out as empty boxes."""
    known = font(bold=True).face.charToGlyph
    return "".join(char for char in text if ord(char) not in known)


def fitted(text: str, width_mm: float, size_mm: float, bold: bool = False) -> float:
    """The largest size (mm) up to `size_mm` at which the line is no wider than `width_mm`."""
    wide = width(text, size_mm, bold)
    return size_mm if wide <= width_mm else size_mm * width_mm / wide
