"""The sticker of a terminal that passed its acceptance test: what each key does, and which terminal this is.

In: a device that passed (the callers see to it: the acceptance test, and the reprint from a signed record). Out: PDF
and PNG of one layout. Never on it: a password, an address, a person. No command prints one for any other id.
"""

from __future__ import annotations

from pathlib import Path

from tools.label.layout import DPI, LEGEND, SMALL, Size, draw
from tools.label.model import BadLabelError, Label
from tools.label.words import legends
from tools.paper import pdf, png

__all__ = ["DPI", "LEGEND", "SMALL", "BadLabelError", "Label", "Size", "legends", "make"]


def make(label: Label, folder: Path, size: Size = LEGEND) -> tuple[Path, Path]:
    """Draw one label into `folder`: the PDF's path and the PNG's, each whole or not there.

    The same label gives the same bytes. Raises BadLabelError for a text that cannot be printed as it must be,
    NoFontError without the set-up's fonts.
    """
    sheet = draw(label, size)
    files = {".pdf": pdf.render(sheet), ".png": png.render(sheet, DPI, bilevel=True)}
    folder.mkdir(parents=True, exist_ok=True)
    done = [_put(folder / f"{label.device_id}{size.suffix}{ending}", data) for ending, data in files.items()]
    return done[0], done[1]


def _put(path: Path, data: bytes) -> Path:
    """Write beside it and rename: a cut leaves the old label or the new one, never half of one."""
    half = path.with_name(path.name + ".part")
    half.write_bytes(data)
    return half.replace(path)
