"""Where everything stands on a label, for two usual rolls.

In: a checked label and a size. Out: a sheet. A legend that would come out smaller than old eyes can read is refused,
never shrunk further. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloud.days import shanghai_day
from tools.label import qr, words
from tools.label.model import BadLabelError, Label
from tools.paper import fonts
from tools.paper.shapes import BLACK, WHITE, Box, Disc, Shape, Sheet, Text

DPI = 300  # the finer head of the usual label printers; the PDF has no dots and suits 203 as well
# Large print begins at 16 pt, which is 5.6 mm; at arm's length that is also twice what a healthy eye needs.
LEGEND_MM_MIN = 5.6
GAP = 1.2
EDGE = 0.8  # a QR's quiet zone may reach into the margin up to here: it is white anyway


@dataclass(frozen=True)
class Size:
    """A label of a roll, in millimetres. `margin`: rolls wander by up to 1.5 mm."""

    name: str
    suffix: str
    w: float
    h: float
    margin: float


# The one on the unit, beside the keys: as wide as the unit's front allows, room for legends that can be read standing.
LEGEND = Size("legend", "", 100, 70, 3)
# The one for its back or its box: whoever scans or types the id.
SMALL = Size("small", "-small", 50, 30, 2)


def draw(label: Label, size: Size) -> Sheet:
    """The label's sheet; raises BadLabelError where a legend has no room at the size it needs."""
    shapes = _legend(label, size) if size is LEGEND else _small(label, size)
    return Sheet(f"{label.device_id} {words.BRAND}", size.w, size.h, tuple(shapes))


def _middle(box_y: float, box_h: float, type_size: float) -> float:
    """The baseline of a line in the middle of a box."""
    return box_y + box_h / 2 + fonts.MIDDLE * type_size


def _band(size: Size, h: float) -> list[Shape]:
    """White on black across the whole top: nobody takes a trial unit for another."""
    wide = size.w - 2 * size.margin
    type_size = fonts.fitted(words.TRIAL, wide - 2, h * 0.72, bold=True)
    y = _middle(size.margin, h, type_size)
    return [
        Box(size.margin, size.margin, wide, h, fill=BLACK),
        Text(size.w / 2, y, words.TRIAL, type_size, bold=True, ink=WHITE, anchor="m"),
    ]


def _legend(label: Label, size: Size) -> list[Shape]:
    foot_h = 18.0
    red_h, band_h = (11.0, 8.0) if label.trial else (14.0, 0.0)
    top = size.margin + (band_h + GAP if label.trial else 0)
    foot = size.h - size.margin - foot_h
    others = [(code, legend) for code, legend in label.keys if code != "sos"]
    grid = top + red_h + GAP
    return [
        *(_band(size, band_h) if label.trial else []),
        *_red(dict(label.keys)["sos"], size, top, red_h),
        *_grid(others, size, grid, foot - GAP - grid),
        Box(size.margin, foot - GAP / 2, size.w - 2 * size.margin, 0.4, fill=BLACK),
        *_foot(label, size, foot, foot_h),
    ]


def _red(legend: str, size: Size, y: float, h: float) -> list[Shape]:
    """The red key: the one line that must be read in a panic."""
    x, wide, r = size.margin, size.w - 2 * size.margin, h * 0.34
    name_mm = h * 0.5
    name_x = x + h * 0.5 + r + 3
    legend_x = name_x + fonts.width(words.RED_KEY, name_mm, bold=True) + 4
    legend_mm = _readable(legend, x + wide - 3 - legend_x, h * 0.64)
    return [
        Box(x, y, wide, h, fill=BLACK, radius=2),
        Disc(x + h * 0.5 + 1, y + h / 2, r, fill=WHITE),
        Disc(x + h * 0.5 + 1, y + h / 2, r * 0.72, line=BLACK, width=0.6),
        Text(name_x, _middle(y, h, name_mm), words.RED_KEY, name_mm, bold=True, ink=WHITE),
        Text(legend_x, _middle(y, h, legend_mm), legend, legend_mm, bold=True, ink=WHITE),
    ]


def _grid(keys: list[tuple[str, str]], size: Size, y: float, h: float) -> list[Shape]:
    """The other keys in two columns, three where there are more than six; along each row, as on a telephone."""
    columns = 2 if len(keys) <= 6 else 3
    rows = max(2, -(-len(keys) // columns))
    cell_w, cell_h = (size.w - 2 * size.margin) / columns, h / rows
    r = min(cell_h * 0.44, cell_w * 0.086)
    caps = {code: 2 * r * (1.7 if code == "cancel" else 1) for code, _legend in keys}
    wanted = min(cell_h * 0.78, 8.0)
    rooms = [(legend, cell_w - caps[code] - 2.6) for code, legend in keys]
    legend_mm = min((_readable(legend, room, wanted) for legend, room in rooms), default=wanted)
    shapes: list[Shape] = []
    for number, (code, legend) in enumerate(keys):
        left, top = size.margin + number % columns * cell_w, y + number // columns * cell_h
        shapes += _cap(words.key_name(code), left, top + cell_h / 2, caps[code], r)
        shapes.append(Text(left + caps[code] + 1.6, _middle(top, cell_h, legend_mm), legend, legend_mm, bold=True))
    return shapes


def _cap(name: str, x: float, middle: float, wide: float, r: float) -> list[Shape]:
    """A key's cap with what stands on it."""
    name_mm = fonts.fitted(name, wide - 1.6, r * 1.3, bold=True)
    return [
        Box(x + 0.1, middle - r + 0.1, wide - 0.2, 2 * r - 0.2, line=BLACK, width=0.6, radius=r - 0.1),
        Text(x + wide / 2, middle + fonts.MIDDLE * name_mm, name, name_mm, bold=True, anchor="m"),
    ]


def _readable(legend: str, room: float, wanted: float) -> float:
    """The size of a legend in its room; refuses what old eyes could not read."""
    if wanted < LEGEND_MM_MIN:
        raise BadLabelError("按键太多，一张标签印不下", "more keys than a label has room for")
    type_size = fonts.fitted(legend, room, wanted, bold=True)
    if type_size < LEGEND_MM_MIN:
        raise BadLabelError(f"文字太长，印不清楚：{legend}", f"too long to be read when printed: {legend}")
    return type_size


def _foot(label: Label, size: Size, y: float, h: float) -> list[Shape]:
    """Which unit this is, for whoever calls about it; its QR code at the right."""
    room = h + size.margin - EDGE - 0.2  # of the QR: cells of 0.6 to 0.7 mm
    wide = size.w - size.margin - EDGE - room - GAP
    x = size.margin
    id_mm = fonts.fitted(label.device_id, wide, 9.0, bold=True)
    call = f"{words.HOTLINE} {label.hotline}" if label.hotline else words.BRAND
    small = f"{words.SERIAL} {label.serial}　{_passed(label)}"
    return [
        qr.cells(label.device_id, size.w - EDGE - room, size.h - EDGE - room, room, DPI),
        Text(x, y + 7.4, label.device_id, id_mm, bold=True),
        Text(x, y + 13.2, call, fonts.fitted(call, wide, 4.8, bold=True), bold=True),
        Text(x, y + 17.4, small, fonts.fitted(small, wide, 3.0, bold=True), bold=True),
    ]


def _passed(label: Label) -> str:
    word = words.PASSED_TRIAL if label.trial else words.PASSED
    return f"{word} {shanghai_day(label.passed_at)}"


def _halves(text: str, one_line_chars: int) -> list[str]:
    """A long number on two lines rather than in type that nobody reads out on the phone without a mistake."""
    half = -(-len(text) // 2)
    return [text] if len(text) <= one_line_chars else [text[:half], text[half:]]


def _small(label: Label, size: Size) -> list[Shape]:
    room = 20.5  # of the QR: cells of 0.6 to 0.7 mm
    top = size.margin + (5.0 if label.trial else (size.h - 2 * size.margin - room) / 2)
    x = size.margin + room + 0.5
    wide = size.w - size.margin - x
    numbers = _halves(label.device_id, 9)
    id_mm = min(fonts.fitted(line, wide, 4.8, bold=True) for line in numbers)
    rest = [_passed(label), *_halves(label.serial, 18)]
    if len(numbers) + len(rest) < 5:
        rest.insert(0, words.BRAND)
    shapes: list[Shape] = [*(_band(size, 4.8) if label.trial else [])]
    shapes.append(qr.cells(label.device_id, size.margin, top, room, DPI))
    shapes += [Text(x, top + 5.4 + row * 4.6, line, id_mm, bold=True) for row, line in enumerate(numbers)]
    for row, line in enumerate(rest):
        y = top + 19.4 - (len(rest) - 1 - row) * 3.0
        shapes.append(Text(x, y, line, fonts.fitted(line, wide, 2.5, bold=True), bold=True))
    return shapes
