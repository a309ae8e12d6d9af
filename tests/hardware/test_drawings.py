"""The drawings as a reader sees them: every active part is on one, no word lies over another or leaves it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from playwright.async_api import async_playwright

from tools.hardware.circuit import board as drawn
from tools.hardware.draw import drawings

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

BOARD = drawn().netlist()
DRAWINGS = drawings(BOARD)
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
# What each word covers on the page, in pixels.
COVERED = """() => [...document.querySelectorAll('text')].map(word => {
  const box = word.getBBox();
  return [word.textContent, box.x, box.y, box.x + box.width, box.y + box.height];
})"""
# Words that stick out of a box with round corners.
STUCK_OUT = """() => {
  const frames = [...document.querySelectorAll('rect[rx]')].map(box => box.getBBox());
  const out = [];
  for (const word of document.querySelectorAll('text')) {
    const own = word.getBBox();
    for (const box of frames) {
      const apart = own.x >= box.x + box.width || own.x + own.width <= box.x ||
                    own.y + 4 >= box.y + box.height || own.y + own.height - 4 <= box.y;
      const inside = own.x >= box.x && own.x + own.width <= box.x + box.width;
      if (!apart && !inside) out.push(word.textContent);
    }
  }
  return out;
}"""
SHAVE = 2  # a font's box is a little larger than its letters


def words(name: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(DRAWINGS[name]).iter("{http://www.w3.org/2000/svg}text")]


def test_every_plug_key_and_active_part_is_drawn() -> None:
    shown = " ".join(" ".join(words(name)) for name in DRAWINGS)
    for ref, piece in BOARD.pieces.items():
        if piece.kind.prefix in ("U", "J", "L", "F", "BZ", "TP"):
            assert re.search(rf"\b{ref}\b", shown), ref


def test_the_key_drawing_shows_all_parts_of_all_keys() -> None:
    shown = " ".join(words("keys.svg"))
    for key in ("SOS", "K1", "K2", "K3", "K4", "CANCEL"):
        for pin in BOARD.nets[f"CONTACT_{key}"]:
            assert re.search(rf"\b{pin.ref}\b", shown)


def test_a_part_that_is_gone_is_not_drawn() -> None:
    """A drawing cannot show what the netlist does not hold."""
    gone = next(piece.ref for piece in BOARD.between("3V3", "CONTACT_SOS", "R"))
    with pytest.raises(KeyError):
        drawings(BOARD.without(gone))


def test_they_are_the_same_bytes_each_time(board: Netlist) -> None:
    assert drawings(board) == DRAWINGS


@pytest.mark.parametrize("name", sorted(DRAWINGS))
async def test_no_word_lies_over_another_or_leaves_the_page(name: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.set_content(DRAWINGS[name])
        boxes = await page.evaluate(COVERED)
        assert await page.evaluate(STUCK_OUT) == []
        await browser.close()
    width, height = map(int, re.findall(r'(?:width|height)="(\d+)"', DRAWINGS[name])[:2])
    assert len(boxes) > 10
    for number, (word, left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= width, word
        assert 0 <= top < bottom <= height, word
        for other, left2, top2, right2, bottom2 in boxes[number + 1 :]:
            beside = right - SHAVE <= left2 or right2 - SHAVE <= left
            above = bottom - SHAVE * 2 <= top2 or bottom2 - SHAVE * 2 <= top
            assert beside or above, f"{word!r} and {other!r}"
