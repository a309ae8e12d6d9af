"""What is on a label, how large, and what is never printed."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tools.label import reader
from tests.tools.paper.measure import edges
from tests.tools.paper.pdf_reader import read
from tools import label
from tools.label import BadLabelError, Label, layout, qr, words
from tools.paper.shapes import Box, Cells, Sheet, Text

PASSED_AT = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # the 23rd in Shanghai
KEYS = [
    ("sos", "紧急呼叫"),
    ("k1", "社区驿站"),
    ("k2", "家人"),
    ("k3", "送餐上门"),
    ("k4", "家电维修"),
    ("cancel", "停止呼叫"),
]
HOME = Label("OKC000001", KEYS, trial=False, passed_at=PASSED_AT, serial="B01-000017", hotline="010-5550000")
TRIAL = replace(HOME, trial=True)
LONGEST = replace(HOME, device_id="A1B2C3D4E5F6G7H8I9J0", serial="B01-" + "9" * 28, hotline="+86 010 5550 0000")
SIZES = (label.LEGEND, label.SMALL)
ids = st.text(string.ascii_uppercase + string.digits, min_size=6, max_size=20)


def opened(path: Path) -> Image.Image:
    return Image.open(BytesIO(path.read_bytes()))


def texts(sheet: Sheet) -> list[Text]:
    return [shape for shape in sheet.shapes if isinstance(shape, Text)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("one", [HOME, TRIAL, LONGEST], ids=["home", "trial", "longest"])
def test_an_independent_reader_finds_the_device_id_and_nothing_else(
    tmp_path: Path, one: Label, size: label.Size
) -> None:
    _pdf, png = label.make(one, tmp_path, size)
    assert reader.read(opened(png)) == one.device_id


@given(ids)
@settings(max_examples=60, deadline=None)
def test_any_id_fits_the_code_at_the_level_for_scratches(device_id: str) -> None:
    code = qr.matrix(device_id)
    picture = Image.new("1", (33, 33), 1)
    for row, cells in enumerate(code):
        for column, black in enumerate(cells):
            picture.putpixel((column + 4, row + 4), int(not black))
    assert reader.read(picture.resize((132, 132))) == device_id


@pytest.mark.parametrize("size", SIZES)
def test_the_code_has_its_quiet_zone_and_cells_that_a_cheap_camera_sees(size: label.Size) -> None:
    for one in (HOME, TRIAL, LONGEST):
        sheet = layout.draw(one, size)
        code = next(shape for shape in sheet.shapes if isinstance(shape, Cells))
        assert code.side >= 0.42
        assert (code.side * layout.DPI / 25.4) == pytest.approx(round(code.side * layout.DPI / 25.4))
        quiet = 3.9 * code.side
        left, top, right, bottom = edges(code)
        assert left - quiet > 0
        assert right + quiet < size.w
        assert bottom + quiet < size.h
        for shape in sheet.shapes:
            if shape is not code:
                a, b, c, d = edges(shape)
                assert c <= left - quiet or a >= right + quiet or d <= top - quiet or b >= bottom + quiet, shape


@pytest.mark.parametrize("size", SIZES)
def test_the_pdf_is_one_label_of_its_size_with_its_own_fonts(tmp_path: Path, size: label.Size) -> None:
    pdf, png = label.make(HOME, tmp_path, size)
    got = read(pdf.read_bytes())
    assert [page == pytest.approx((size.w, size.h)) for page in got.pages] == [True]
    assert [name.partition("+")[2] for name in got.fonts] == ["NotoSansSC-Bold"]
    assert got.embedded == 1
    assert got.lines == layout.draw(HOME, size).texts()
    picture = opened(png)
    assert picture.mode == "1"
    assert picture.size == (round(size.w * 300 / 25.4), round(size.h * 300 / 25.4))
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_the_label_says_each_key_as_on_the_unit_and_what_it_does() -> None:
    said = layout.draw(HOME, label.LEGEND).texts()
    for expected in (*(legend for _code, legend in KEYS), "红键", "1", "2", "3", "4", "取消", "OKC000001"):
        assert expected in said
    assert "热线 010-5550000" in said
    assert any("B01-000017" in text and "检验合格 2026-11-23" in text for text in said)


def test_without_a_hotline_none_is_printed() -> None:
    for size in SIZES:
        assert not any("热线" in text for text in layout.draw(replace(HOME, hotline=""), size).texts())


@pytest.mark.parametrize("size", SIZES)
def test_a_trial_unit_says_so_across_the_top_and_claims_no_pass(size: label.Size) -> None:
    sheet = layout.draw(TRIAL, size)
    band, text = sheet.shapes[0], sheet.shapes[1]
    assert isinstance(band, Box)
    assert isinstance(text, Text)
    assert (band.fill, text.ink, text.text) == ("#000000", "#ffffff", "试用 TRIAL 非正式")
    assert band.w == size.w - 2 * size.margin
    assert "检验合格" not in "".join(sheet.texts())
    assert "试用" not in "".join(layout.draw(HOME, size).texts())


@pytest.mark.parametrize("one", [HOME, TRIAL, LONGEST], ids=["home", "trial", "longest"])
def test_old_eyes_can_read_what_a_key_does(one: Label) -> None:
    sizes = {text.text: text.size for text in texts(layout.draw(one, label.LEGEND))}
    assert min(sizes[legend] for _code, legend in KEYS) >= 5.6  # 16 pt, where large print begins
    assert sizes["紧急呼叫"] == max(size for text, size in sizes.items() if text in dict(KEYS).values())
    assert sizes[one.device_id] >= 5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("one", [HOME, TRIAL, LONGEST], ids=["home", "trial", "longest"])
def test_everything_lies_inside_the_margin_and_no_text_on_another(one: Label, size: label.Size) -> None:
    sheet = layout.draw(one, size)
    for shape in sheet.shapes:
        left, top, right, bottom = edges(shape)
        assert left >= size.margin - 0.01 or isinstance(shape, Cells), shape
        assert right <= size.w - size.margin + 0.01 or isinstance(shape, Cells), shape
        assert top >= size.margin - 0.01
        assert bottom <= size.h - 1.0, shape
    lines = [(text, edges(text)) for text in texts(sheet)]
    for at, (one_text, (a, b, c, d)) in enumerate(lines):
        for other, (e, f, g, h) in lines[at + 1 :]:
            # 0.13 of a line's height is air above and below its ink
            overlap = min(d, h) - max(b, f) > 0.13 * min(one_text.size, other.size) * 2 and min(c, g) > max(a, e)
            assert not overlap, (one_text.text, other.text)


def test_nine_keys_fit_and_more_are_refused_rather_than_shrunk() -> None:
    nine = [("sos", "紧急呼叫"), *((f"k{n}", "社区驿站") for n in range(1, 9)), ("cancel", "停止")]
    layout.draw(replace(HOME, keys=nine), label.LEGEND)
    with pytest.raises(BadLabelError, match="按键太多"):
        layout.draw(replace(TRIAL, keys=[*nine, ("k9", "家人")]), label.LEGEND)


def test_a_legend_that_would_come_out_too_small_is_refused() -> None:
    with pytest.raises(BadLabelError, match="文字太长"):
        layout.draw(replace(HOME, keys=[("sos", "紧急"), ("k1", "社区综合为老服务中心")]), label.LEGEND)


@pytest.mark.parametrize(
    "changed",
    [
        {"device_id": "okc000001"}, {"device_id": "OKC1"}, {"device_id": "../../../OKC1"}, {"serial": ""},
        {"serial": "W" * 33}, {"serial": "序列"}, {"serial": "a\nb"}, {"hotline": "请打 010"}, {"hotline": "0" * 21},
        {"keys": []}, {"keys": [("k1", "家人")]}, {"keys": [("sos", "紧急"), ("sos", "紧急")]},
        {"keys": [("sos", "紧急"), ("k10", "家人")]}, {"keys": [("sos", "")]}, {"keys": [("sos", " ")]},
        {"keys": [("sos", "紧\n急")]}, {"keys": [("sos", "\U0001f47b")]}, {"passed_at": datetime(2026, 11, 23)},  # noqa: DTZ001
    ],
)  # fmt: skip
def test_what_may_not_be_printed_is_refused_before_anything_is_drawn(changed: dict[str, object]) -> None:
    with pytest.raises(BadLabelError):
        replace(HOME, **changed)  # type: ignore[arg-type]


def test_the_same_label_is_the_same_bytes_and_its_repr_holds_nothing_secret(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in label.make(HOME, tmp_path / "a")]
    assert [path.read_bytes() for path in label.make(HOME, tmp_path / "b")] == first
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"OKC000001.pdf", "OKC000001.png"}


@pytest.mark.parametrize("cut", [0, 1], ids=["pdf", "png"])
def test_a_cut_leaves_the_old_file_or_the_new_one_never_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """The disk fills up in the middle of one of the two; the next run repairs it."""
    old = [path.read_bytes() for path in label.make(HOME, tmp_path)]
    whole, written = Path.write_bytes, []

    def write(self: Path, data: bytes) -> int:
        written.append(self)
        if len(written) == cut + 1:
            whole(self, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return whole(self, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", write)
        with pytest.raises(OSError, match="No space"):
            label.make(TRIAL, tmp_path)
    again = [(tmp_path / f"OKC000001{ending}").read_bytes() for ending in (".pdf", ".png")]
    assert again[cut:] == old[cut:]
    new = [path.read_bytes() for path in label.make(TRIAL, tmp_path)]
    assert again[:cut] == new[:cut]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["OKC000001.pdf", "OKC000001.png"]


def test_a_district_that_says_nothing_gets_plain_words_in_the_units_order() -> None:
    made = words.legends(("sos", "k1", "k2", "cancel"), {"k2": "家人"})
    assert made == [("sos", "紧急呼叫"), ("k1", "服务"), ("k2", "家人"), ("cancel", "停止呼叫")]
