"""A reader of QR codes written from the standard, sharing nothing with what draws them.

In: a picture. Out: the text of the one code in it, after its format, its mask and every word of its error correction
were found right. Versions 1 and 2, level H (one block), digits or capitals: whatever else it is, fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
WORDS = {21: (9, 17), 25: (16, 28)}  # cells a side: words of data, words of correction at level H
FORMAT_MASK, FORMAT_POLYNOMIAL, LEVEL_H = 0b101010000010010, 0b10100110111, 0b10
Cells = list[list[bool]]


def cells(picture: Image.Image) -> Cells:
    """The code's cells: found by its three corner marks, sampled in the middle of each."""
    wide = picture.width
    dots = [dot < 128 for dot in picture.convert("L").tobytes()]
    dark = [dots[at : at + wide] for at in range(0, len(dots), wide)]
    marks = sorted({mark for y in range(len(dark)) for mark in _marks(dark, y)}, key=lambda mark: (mark[1], mark[0]))
    assert len(marks) == 3, "not one code"
    left, top = min(x for x, _y, _cell in marks), min(y for _x, y, _cell in marks)
    cell = marks[0][2]
    right = max(x for x, _y, _cell in marks) + 7 * cell
    side = round((right - left) / cell)
    return [
        [dark[top + row * cell + cell // 2][left + column * cell + cell // 2] for column in range(side)]
        for row in range(side)
    ]


def _marks(dark: Cells, y: int) -> Iterator[tuple[int, int, int]]:
    """Runs of 1:1:3:1:1 in a row that have the same below each other: (left, top, dots a cell)."""
    runs: list[tuple[int, int]] = []
    start = 0
    for x in range(1, len(dark[y]) + 1):
        if x == len(dark[y]) or dark[y][x] != dark[y][start]:
            runs.append((start, x - start))
            start = x
    for at in range(len(runs) - 4):
        five = runs[at : at + 5]
        cell = five[0][1]
        x = five[0][0]
        if cell < 3 or not dark[y][x] or [n for _x, n in five] != [cell, cell, 3 * cell, cell, cell]:
            continue
        top = y - 2 * cell
        middle = x + 3 * cell + cell // 2
        if top < 0 or top + 7 * cell > len(dark):
            continue
        column = [dark[top + row * cell + cell // 2][middle] for row in range(7)]
        edge = all(dark[top][x : x + 7 * cell])
        if (
            column == [True, False, True, True, True, False, True]
            and edge
            and (top == 0 or not any(dark[top - 1][x : x + 7 * cell]))
        ):
            yield x, top, cell


def _format(code: Cells) -> int:
    """The mask's number; checks level and the format's own code word."""
    bits = [*(code[8][n] for n in (0, 1, 2, 3, 4, 5, 7, 8)), code[7][8], *(code[n][8] for n in (5, 4, 3, 2, 1, 0))]
    word = int("".join("01"[bit] for bit in bits), 2) ^ FORMAT_MASK
    rest = word
    for shift in range(4, -1, -1):
        if rest >> (shift + 10) & 1:
            rest ^= FORMAT_POLYNOMIAL << shift
    assert rest == 0, "the format is damaged"
    assert word >> 13 == LEVEL_H
    return word >> 10 & 7


def _masked(mask: int, row: int, column: int) -> bool:
    r, c = row, column
    return (
        (r + c) % 2, r % 2, c % 3, (r + c) % 3, (r // 2 + c // 3) % 2, r * c % 2 + r * c % 3,
        (r * c % 2 + r * c % 3) % 2, ((r + c) % 2 + r * c % 3) % 2,
    )[mask] == 0  # fmt: skip


def _reserved(side: int, row: int, column: int) -> bool:
    corner = (row < 9 and column < 9) or (row < 9 and column >= side - 8) or (row >= side - 8 and column < 9)
    aligned = side == 25 and abs(row - 18) <= 2 and abs(column - 18) <= 2
    return corner or row == 6 or column == 6 or aligned


def _words(code: Cells) -> list[int]:
    """Data and correction words, read in the standard's zigzag."""
    side, mask, bits = len(code), _format(code), ""
    upwards = True
    for right in (*range(side - 1, 6, -2), 5, 3, 1):
        for row in range(side - 1, -1, -1) if upwards else range(side):
            for column in (right, right - 1):
                if not _reserved(side, row, column):
                    bits += "01"[code[row][column] != _masked(mask, row, column)]
        upwards = not upwards
    return [int(bits[at : at + 8], 2) for at in range(0, sum(WORDS[side]) * 8, 8)]


def _syndromes(words: list[int], count: int) -> list[int]:
    """All zero for an undamaged block (GF(256), 0x11D)."""
    power = [1]
    for _ in range(254):
        power.append(power[-1] << 1 ^ (0x11D if power[-1] & 0x80 else 0))
    log = {value: at for at, value in enumerate(power)}
    found = []
    for n in range(count):
        total = 0
        for word in words:
            total = word ^ (power[(log[total] + n) % 255] if total else 0)
        found.append(total)
    return found


def read(picture: Image.Image) -> str:
    """The text of the code in a picture."""
    code = cells(picture)
    words = _words(code)
    data, correction = WORDS[len(code)]
    assert _syndromes(words, correction) == [0] * correction, "the code is damaged"
    bits = "".join(f"{word:08b}" for word in words[:data])
    return {"0010": _alphanumeric, "0001": _digits}[bits[:4]](bits[4:])


def _alphanumeric(bits: str) -> str:
    text, at = "", 9
    for left in range(int(bits[:9], 2), 0, -2):
        width = 11 if left > 1 else 6
        value = int(bits[at : at + width], 2)
        text += ALPHABET[value // 45] + ALPHABET[value % 45] if left > 1 else ALPHABET[value]
        at += width
    return text


def _digits(bits: str) -> str:
    text, at = "", 10
    for left in range(int(bits[:10], 2), 0, -3):
        digits = min(left, 3)
        width = {3: 10, 2: 7, 1: 4}[digits]
        text += f"{int(bits[at : at + width], 2):0{digits}d}"
        at += width
    return text
