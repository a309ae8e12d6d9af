"""A newcomer can follow the page only if its commands exist, its words are the product's, and nothing is cut off."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.tools.paper.measure import edges
from tests.tools.paper.pdf_reader import read
from tools.__main__ import COMMANDS
from tools.guide import page, words
from tools.guide.command import TEXTS, app
from tools.label import words as label_words
from tools.paper import flow, fonts, pdf
from tools.paper.shapes import Box, Text

ROOT = Path(__file__).resolve().parents[3]
SHEET = page()


@pytest.mark.parametrize("command", words.commands())
def test_every_command_on_the_page_is_one_of_the_product(command: str) -> None:
    program, *rest = command.split()
    if program != "onekey":
        assert (ROOT / program).stat().st_mode & 0o100
        return
    assert rest[0] in COMMANDS
    assert re.fullmatch(r"[a-z -]+", command), "arguments differ from bench to bench"
    found = typer.main.get_command(importlib.import_module(COMMANDS[rest[0]][0]).app)
    for word in rest[1:]:
        assert word in found.commands  # type: ignore[attr-defined]


def test_the_bench_needs_one_command_and_the_home_one() -> None:
    named = [re.findall("`([^`]*)`", text) for _picture, _title, text in words.BENCH_STEPS]
    assert {command for each in named for command in each} == {"./flash.sh"}
    named = [re.findall("`([^`]*)`", text) for _picture, _title, text in words.HOME_STEPS]
    assert {command for each in named for command in each} == {"onekey install"}


def test_the_trial_mark_is_the_one_that_is_printed_on_labels() -> None:
    assert any(label_words.TRIAL in text for text in words.NEVERS)


def test_it_is_one_page_of_a4_with_its_fonts_inside() -> None:
    got = read(pdf.render(SHEET))
    assert [page == pytest.approx((210, 297), abs=0.1) for page in got.pages] == [True]
    assert {name.partition("+")[2] for name in got.fonts} == {"NotoSansSC-Bold", "NotoSansSC-Regular"}
    assert got.embedded == len(got.fonts)
    assert "".join(got.lines) == "".join(SHEET.texts())


def test_every_word_is_on_it_and_has_a_glyph() -> None:
    said = re.sub(r"\s", "", "".join(SHEET.texts()))
    steps = [text for step in (*words.BENCH_STEPS, *words.HOME_STEPS) for text in step[1:]]
    rows = [text for row in words.FAILURES for text in row[:2]] + [text for row in words.LATER for text in row]
    for text in (*steps, *rows, *words.NEVERS, words.TITLE, words.RULE, words.NEVER, words.NEVER_DIAL):
        assert re.sub(r"[\s`]", "", text) in said
    assert fonts.missing(said) == ""


def test_the_pictures_are_numbered_without_a_gap() -> None:
    count = len(words.BENCH_STEPS) + len(words.HOME_STEPS)
    numbers = [text.text for text in SHEET.shapes if isinstance(text, Text) and text.ink == "#ffffff"]
    assert [one for one in numbers if one.isdigit()] == [str(n) for n in range(1, count + 1)]


def test_nothing_is_cut_off_by_a_printer() -> None:
    for shape in SHEET.shapes:
        left, top, right, bottom = edges(shape)
        assert left >= 9, shape
        assert top >= 9, shape
        assert right <= 201, shape
        assert bottom <= 288, shape


def test_no_text_lies_on_another_or_leaves_its_frame() -> None:
    texts = [(shape, edges(shape)) for shape in SHEET.shapes if isinstance(shape, Text)]
    for at, (one, (a, b, c, d)) in enumerate(texts):
        for other, (e, f, g, h) in texts[at + 1 :]:
            assert min(d, h) - max(b, f) < 0.5 or min(c, g) - max(a, e) < 0.01, (one.text, other.text)
    frames = [edges(shape) for shape in SHEET.shapes if isinstance(shape, Box) and shape.line and shape.w > 30]
    for one, (a, b, c, d) in texts:
        for left, top, right, bottom in frames:
            if left <= (a + c) / 2 <= right and top <= (b + d) / 2 <= bottom:
                assert left < a, one.text
                assert c < right + 0.01, one.text
                assert b > top - 0.6, one.text
                assert d < bottom, one.text


def test_it_is_read_at_a_bench_from_half_a_metre() -> None:
    """Sentences have 9 pt or more; smaller type only names a part of a picture."""
    inside = {
        "ESP32", "SIM", "1", "2", "3", "4", "USB", "120", "检查", "写入", "回读", "身份", "现在按",
        "您好！", "3-201",
    }  # fmt: skip
    for shape in SHEET.shapes:
        if isinstance(shape, Text) and shape.size < 3.17:
            assert shape.text in inside, shape


def test_colour_says_nothing_because_there_is_none() -> None:
    inks = {ink for shape in SHEET.shapes for ink in re.findall("#[0-9a-f]{6}", repr(shape))}
    assert all(len({ink[1:3], ink[3:5], ink[5:7]}) == 1 for ink in inks)


def test_no_line_begins_with_a_full_stop_or_ends_with_an_opening_quote() -> None:
    for text in ("看到“请现在按一下”再按。", "接听，数蜂鸣声；照提示（拔、插）电源。"):
        for width in range(6, 60):
            made = ["".join(run for run, _command in line.runs) for line in flow.lines(text, width, 3)]
            assert "".join(made) == text
            assert not any(line[0] in "，。；：、！？）”" or line[-1] in "（“" for line in made)


def test_a_command_is_kept_on_one_line_where_it_fits() -> None:
    made = flow.lines("断电，修好，再做：`onekey check-terminal` 一次", 40, 3)
    assert [
        [run.strip() for run, command in line.runs if command] for line in made if any(c for _r, c in line.runs)
    ] == [["onekey check-terminal"]]


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    out = tmp_path / "guide.pdf"
    done = CliRunner().invoke(app, ["--out", str(out), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"pdf": str(out)}
    assert out.read_bytes() == pdf.render(SHEET)


def test_a_folder_that_is_not_there_is_one_line_in_both_languages(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--out", str(tmp_path / "no" / "guide.pdf")])
    assert done.exit_code == TEXTS["no_guide"][0]
    assert "失败：" in done.stderr
    assert "failed:" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_fonts_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fonts.font.cache_clear()
    monkeypatch.setattr(fonts, "FOLDER", tmp_path)
    done = CliRunner().invoke(app, ["--out", str(tmp_path / "guide.pdf")])
    assert done.exit_code == TEXTS["no_guide"][0]
    assert "./flash.sh" in done.stderr
    assert not (tmp_path / "guide.pdf").exists()
