"""One sheet, two drawings: fonts embedded, text real, and black where it should be in both."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from tests.tools.paper.pdf_reader import read
from tools import build_assets
from tools.paper import fonts, pdf, png
from tools.paper.shapes import BLACK, Box, Cells, Disc, Line, Sheet, Text

SHEET = Sheet(
    "一页",
    60,
    40,
    (
        Text(30, 10, "红键 Key 1", 5, bold=True, anchor="m"),
        Text(2, 20, "细体，也在。", 4),
        Box(0, 30, 10, 10, fill=BLACK),
        Disc(30, 35, 4, line=BLACK, width=1),
        Line(((40, 31), (58, 31), (58, 39)), width=1),
        Cells(50, 5, 1, ((True, False), (False, True))),
    ),
)


def picture(dpi: int = 254, bilevel: bool = False) -> Image.Image:
    """Ten dots a millimetre."""
    return Image.open(BytesIO(png.render(SHEET, dpi, bilevel)))


def test_the_pdf_embeds_every_font_that_it_names() -> None:
    got = read(pdf.render(SHEET))
    assert sorted(name.partition("+")[2] for name in got.fonts) == ["NotoSansSC-Bold", "NotoSansSC-Regular"]
    assert got.embedded == len(got.fonts)


def test_only_the_glyphs_in_use_are_embedded() -> None:
    assert len(pdf.render(SHEET)) < 60_000 < fonts.path(bold=True).stat().st_size / 100


def test_its_text_can_be_copied_and_its_size_is_the_papers() -> None:
    got = read(pdf.render(SHEET))
    assert got.lines == ["红键 Key 1", "细体，也在。"]
    assert [page == pytest.approx((60, 40)) for page in got.pages] == [True]


def test_the_same_sheet_gives_the_same_bytes() -> None:
    assert pdf.render(SHEET) == pdf.render(SHEET)
    assert png.render(SHEET, 300) == png.render(SHEET, 300)


def test_the_png_is_the_paper_at_its_resolution_and_says_so() -> None:
    assert picture().size == (600, 400)
    assert picture().info["dpi"] == pytest.approx((254, 254), abs=0.1)


@pytest.mark.parametrize(
    ("x", "y", "dark"),
    [
        (50, 350, True), (105, 350, False), (300, 310, True), (300, 350, False), (500, 310, True), (580, 380, True),
        (505, 55, True), (515, 55, False), (515, 65, True),
    ],
)  # fmt: skip
def test_shapes_lie_where_they_were_put(x: int, y: int, dark: bool) -> None:
    assert (picture().convert("L").getpixel((x, y)) == 0) is dark


def test_a_printer_without_grey_gets_none() -> None:
    assert picture(bilevel=True).mode == "1"


def test_both_drawings_agree_on_the_width_of_text() -> None:
    """Ink of the centred line, in dots: the layout measures with one library and the picture is drawn with another."""
    box = Image.eval(picture().convert("L"), lambda value: 255 - value).crop((0, 50, 490, 120)).getbbox()
    assert box is not None
    assert box[2] - box[0] == pytest.approx(fonts.width("红键 Key 1", 5, bold=True) * 10, rel=0.05)


def test_a_character_without_a_glyph_is_named() -> None:
    assert fonts.missing("红键 120，呼叫") == ""
    assert fonts.missing("红\U0001f47b键") == "\U0001f47b"


def test_without_the_set_ups_fonts_it_says_what_to_run(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FOLDER", tmp_path)
    with pytest.raises(fonts.NoFontError, match=r"\./flash\.sh"):
        fonts.path(bold=True)


def test_the_set_up_brings_the_fonts_and_their_licence() -> None:
    brought = set(build_assets.FILES["tools/paper/vendor"].values())
    assert brought == {*fonts.FILES.values(), "OFL.txt"}
    assert "SIL Open Font License" in (fonts.FOLDER / "OFL.txt").read_text(encoding="utf-8")
