"""The bill of materials: one line for each thing to order, with what may be bought instead.

In: a netlist. Out: the text of bom.csv. Must never list what is not there, nor leave a part without a line.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from typing import TYPE_CHECKING

from tools.hardware.netlist import natural
from tools.hardware.parts import COMPARED, EITHER_WAY

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist, Piece

HEAD = ("quantity", "references", "value", "part_number", "maker", "package", "alternates", "pins", "note")
# What a terminal needs beside what is soldered: quantity, name, part number, maker, note.
_AROUND = (
    (1, "cell", "INR18650-35E with protection board and 10k NTC (103AT), XH-3 plug", "pack maker, cell Samsung SDI",
     "3,350 mAh at least; pack tested to GB 31241", ("NCR18650B (Panasonic) pack", "INR18650-MJ1 (LG) pack")),
    (1, "antenna", "GSM 900/1800 flexible antenna, U.FL, 100 mm", "any, measured in the housing",
     "return loss 10 dB or better at 890-960 and 1710-1880 MHz with the housing closed", ()),
    (1, "microphone", "electret 9.7x4.5 mm, -42 dB, 2.2 V, PH-2 leads", "any (CUI CMA-4544PF-W, for example)",
     "in its own rubber boot, away from the loudspeaker", ()),
    (1, "loudspeaker", "8 ohm 1 W, 40 mm, 88 dB at 1 W and 1 m or better, XH-2 leads", "any", "in a closed volume", ()),
    (6, "key", "tactile or dome switch, 1 million presses, travel 1.5-4 mm", "see enclosure.md", "normally open", ()),
    (1, "plug supply", "5 V 2 A USB-C with fixed cable of 1.5 m", "any with CCC", "see power.md", ()),
    (1, "SIM", "industrial nano SIM (MP2)", "the operator", "voice, SMS and data; imported into stock first", ()),
)  # fmt: skip


def _pins(kind: str) -> str:
    """Whether somebody still has to compare the pin numbers with the maker's sheet."""
    return "" if kind in EITHER_WAY else "compared" if kind in COMPARED else "compare"


def lines(board: Netlist) -> list[tuple[str, ...]]:
    """Rows of the list without its head."""
    groups: dict[tuple[str, str, bool], list[Piece]] = defaultdict(list)
    for piece in board.pieces.values():
        if piece.kind.name != "PAD":
            groups[piece.kind.mpn, piece.value, piece.fitted].append(piece)
    rows: list[tuple[str, ...]] = []
    for (mpn, value, fitted), pieces in sorted(groups.items(), key=lambda item: natural(item[1][0].ref)):
        kind = pieces[0].kind
        refs = " ".join(sorted((piece.ref for piece in pieces), key=natural))
        note = kind.note if fitted else "not fitted: a place to tune the antenna"
        quantity = str(len(pieces)) if fitted else "0"
        rows.append(
            (quantity, refs, value, mpn, kind.maker, kind.package, "; ".join(kind.alternates), _pins(kind.name), note)
        )
    for count, name, mpn, maker, note, alternates in _AROUND:
        rows.append((str(count), "-", name, mpn, maker, "off the board", "; ".join(alternates), "", note))
    return rows


def text(board: Netlist) -> str:
    """The text of bom.csv."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(lines(board))
    return out.getvalue()
