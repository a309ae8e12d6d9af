"""A second label comes only from a bench's own, unbroken records, and only if the last word on the device is a pass."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from typer.testing import CliRunner

from cloud.stock.record import FIRST, line_hash, sign
from tests.tools.label import reader
from tests.tools.paper.pdf_reader import read
from tools.board import texts as board
from tools.label import command
from tools.label.errors import TEXTS

BASE: dict[str, Any] = {
    "bench": "B01", "n": 1, "at": "2026-11-22T16:30:00Z", "kind": "accept", "device": "OKC000001",
    "serial": "B01-000017", "mac": "24:0a:c4:00:00:01", "imei": "860000000000001", "iccid": "89860000000000000001",
    "board": "okb-a", "image": {"name": "okb-a.bin", "sha256": "0" * 64, "kind": "home"}, "firmware": "0.1.0",
}  # fmt: skip
PASS = {"kind": "accept", "passed": True, "steps": [{"name": "keys", "passed": True, "facts": {"keys": 6}}]}
FAIL = {"kind": "accept", "passed": False, "steps": [{"name": "keys", "passed": False, "facts": {}}]}
MADE = {"kind": "provision"}
OTHER = {"device": "OKC000002"}


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def bench(tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    (tmp_path / "bench.key").write_text(key.private_bytes_raw().hex() + "\n")
    settings = {"bench": "B01", "legends": {"k1": "社区驿站", "k2": "家人"}, "hotline": "010-55500000"}
    (tmp_path / "bench.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def chain(key: Ed25519PrivateKey, *records: dict[str, Any]) -> list[str]:
    made, prev = [], FIRST
    for number, fields in enumerate(records, 1):
        made.append(sign({**BASE, "n": number, **fields}, prev, key))
        prev = line_hash(made[-1])
    return made


def write(bench: Path, lines: list[str], end: str = "\n") -> None:
    (bench / "records.jsonl").write_text("\n".join(lines) + end, encoding="utf-8")


def run(bench: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(command.app, ["reprint", "OKC000001", "--bench", str(bench), *words])
    return done.exit_code, done.stdout, done.stderr


def refused(bench: Path, name: str) -> str:
    """The one line of a refusal, after seeing that nothing was drawn."""
    got, out, error = run(bench)
    assert (got, out, error.count("\n")) == (TEXTS[name][0], "", 1)
    assert error.startswith("失败：")
    assert " / failed: " in error
    assert not list((bench / "labels").iterdir())
    return error


def test_a_passed_terminal_gets_its_label_again(bench: Path, key: Ed25519PrivateKey) -> None:
    write(bench, chain(key, MADE, FAIL, PASS, {**FAIL, **OTHER}))
    code, out, _error = run(bench, "--json")
    assert code == 0
    said = json.loads(out)
    assert (said["device"], said["trial"]) == ("OKC000001", False)
    assert reader.read(Image.open(BytesIO(Path(said["png"]).read_bytes()))) == "OKC000001"
    printed = "".join(read(Path(said["pdf"]).read_bytes()).lines)
    for expected in ("社区驿站", "家人", "热线 010-55500000", "B01-000017", "检验合格 2026-11-23"):
        assert expected in printed


def test_a_trial_image_gives_a_trial_label_whatever_is_asked(bench: Path, key: Ed25519PrivateKey) -> None:
    write(bench, chain(key, {**PASS, "image": {**BASE["image"], "kind": "trial"}}))
    code, out, _error = run(bench, "--size", "small", "--json")
    assert code == 0
    said = json.loads(out)
    assert said["trial"] is True
    assert Path(said["pdf"]).name == "OKC000001-small.pdf"
    assert "试用 TRIAL 非正式" in read(Path(said["pdf"]).read_bytes()).lines


@pytest.mark.parametrize(
    "records",
    [[], [MADE], [FAIL], [PASS, FAIL], [PASS, MADE], [{**PASS, **OTHER}], [FAIL, {**PASS, **OTHER}]],
    ids=["nothing", "untested", "failed", "failed-later", "made-anew", "another", "failed-and-another"],
)  # fmt: skip
def test_without_a_pass_as_its_last_word_there_is_no_label(
    bench: Path, key: Ed25519PrivateKey, records: list[dict[str, Any]]
) -> None:
    write(bench, chain(key, *records), end="\n" if records else "")
    refused(bench, "no_pass")


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_pass_whose_line_was_cut_while_writing_is_no_pass(bench: Path, key: Ed25519PrivateKey, cut: int) -> None:
    first, last = chain(key, FAIL, PASS)
    write(bench, [first, last[:-cut]], end="")
    refused(bench, "no_pass")


def test_a_result_turned_into_a_pass_condemns_the_file(bench: Path, key: Ed25519PrivateKey) -> None:
    write(bench, [chain(key, FAIL)[0].replace("false", "true")])
    assert "1" in refused(bench, "bad_records")


@pytest.mark.parametrize("gone", [0, 1])
def test_a_line_taken_out_condemns_the_file(bench: Path, key: Ed25519PrivateKey, gone: int) -> None:
    lines = chain(key, MADE, {**FAIL, **OTHER}, PASS)
    del lines[gone]
    write(bench, lines)
    refused(bench, "bad_records")


def test_another_benchs_pass_is_none_here(bench: Path) -> None:
    write(bench, chain(Ed25519PrivateKey.from_private_bytes(bytes(32)), PASS))
    refused(bench, "bad_records")


@pytest.mark.parametrize("name", ["bench.key", "records.jsonl"])
def test_a_folder_that_is_no_bench_is_named(bench: Path, key: Ed25519PrivateKey, name: str) -> None:
    write(bench, chain(key, PASS))
    (bench / name).unlink()
    assert name in refused(bench, "no_bench")


@pytest.mark.parametrize(
    ("name", "content"),
    [("bench.key", b"no key"), ("bench.json", b"{"), ("bench.json", b"[]"), ("bench.json", b'{"legends": 1}'),
     ("records.jsonl", b"\xff\n")],
)  # fmt: skip
def test_a_spoiled_file_is_one_line_not_a_trace(bench: Path, key: Ed25519PrivateKey, name: str, content: bytes) -> None:
    write(bench, chain(key, PASS))
    (bench / name).write_bytes(content)
    refused(bench, "no_bench")


@pytest.mark.parametrize("board", ["no-such", "table"])
def test_a_board_that_we_do_not_know_is_said(bench: Path, key: Ed25519PrivateKey, board: str) -> None:
    write(bench, chain(key, {**PASS, "board": board}))
    assert board in refused(bench, "bad_label")


def test_a_legend_too_long_for_old_eyes_is_said(bench: Path, key: Ed25519PrivateKey) -> None:
    write(bench, chain(key, PASS))
    (bench / "bench.json").write_text(json.dumps({"legends": {"k1": "社区综合为老服务中心"}}), encoding="utf-8")
    assert "社区综合为老服务中心" in refused(bench, "bad_label")


def test_an_unknown_size_is_refused(bench: Path, key: Ed25519PrivateKey) -> None:
    write(bench, chain(key, PASS))
    assert run(bench, "--size", "a4")[0] == 2


def test_a_label_that_cannot_be_written_is_said(bench: Path, key: Ed25519PrivateKey) -> None:
    write(bench, chain(key, PASS))
    code, _out, error = run(bench, "--out", "/dev/null")
    assert (code, error.count("\n")) == (TEXTS["no_label_file"][0], 1)
    assert error.startswith("失败：")


def test_the_bench_is_the_one_of_every_other_command(
    bench: Path, key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bench, chain(key, PASS))
    monkeypatch.setenv("OKC_BENCH", str(bench))
    assert CliRunner().invoke(command.app, ["reprint", "OKC000001"]).exit_code == 0
    assert sorted(path.name for path in (bench / "labels").iterdir()) == ["OKC000001.pdf", "OKC000001.png"]
    monkeypatch.setenv("OKC_BENCH", "/dev/null")
    nowhere = CliRunner().invoke(command.app, ["reprint", "OKC000001"])
    assert (nowhere.exit_code, nowhere.stderr.count("\n")) == (board.TEXTS["bench"][0], 1)


def test_there_is_no_command_that_makes_a_label_of_nothing() -> None:
    assert set(CliRunner().invoke(command.app, ["--help"]).stdout.split()) & {"reprint", "make", "print"} == {"reprint"}
