"""Small files: whole or not at all, and never an exception."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.app.storage import _LINE_BYTES_MAX, FILE_BYTES_MAX, Storage
from firmware.core.lines import pack, unpack
from tests.firmware.app.bench import Bare, build, give, waiting


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Chinese text too."""
    storage = Storage(str(tmp_path))
    assert storage.write("a", {"label": "值班台", "n": [1, None]})
    assert storage.read("a") == {"label": "值班台", "n": [1, None]}
    assert storage.read("b") is None
    storage.remove("a")
    storage.remove("a")
    assert storage.read("a") is None


def test_a_cut_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """The new one is beside it until it is whole."""
    storage = Storage(str(tmp_path))
    storage.write("a", 1)
    (tmp_path / "a.new").write_bytes(b"half of someth")
    assert Storage(str(tmp_path)).read("a") == 1


def test_a_torn_file_is_counted_and_read_as_nothing(tmp_path: Path) -> None:
    """Every cut of it."""
    storage = Storage(str(tmp_path))
    storage.write("a", {"n": 12345})
    whole = (tmp_path / "a").read_bytes()
    for cut in range(len(whole) - 1):
        (tmp_path / "a").write_bytes(whole[:cut])
        assert storage.read("a") is None
    assert storage.damaged == len(whole) - 1


def test_broken_storage_answers_false(tmp_path: Path) -> None:
    """The caller goes on without."""
    storage = Storage(str(tmp_path / "missing"))
    assert not storage.write("a", 1)
    assert storage.failures == 1


def test_lines_come_one_by_one_and_an_endless_one_is_skipped_and_counted(tmp_path: Path) -> None:
    """Whatever lies around it is still read."""
    storage = Storage(str(tmp_path))
    long = b"x" * (3 * _LINE_BYTES_MAX)
    (tmp_path / "a").write_bytes(b"one\n\n" + long + b"\ntwo\n" + long + b"\n" + b"y" * 600 + b"\nlast")
    assert list(storage.lines("a")) == [b"one", b"", b"two", b"y" * 600, b"last"]
    assert storage.damaged == 2
    (tmp_path / "a").write_bytes(b"z\n" * FILE_BYTES_MAX)
    assert sum(1 for _ in storage.lines("a")) == FILE_BYTES_MAX // 2
    assert storage.damaged == 3
    assert list(storage.lines("b")) == []
    (tmp_path / "d").mkdir()
    assert list(storage.lines("d")) == []
    assert storage.damaged == 4


def test_an_empty_file_and_one_with_more_than_its_line_are_damaged(tmp_path: Path) -> None:
    """Both were something else once."""
    storage = Storage(str(tmp_path))
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(pack(1) + pack(2))
    assert (storage.read("a"), storage.read("b"), storage.damaged) == (None, None, 2)


@given(st.lists(st.integers(0, 9), max_size=6), st.data())
def test_lines_added_after_half_a_line_are_whole(rows: list[int], data: st.DataObject) -> None:
    """A machine that keeps half of what was being added loses that half and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(folder)
        storage.append_lines("a", [pack(row) for row in rows])
        whole = (Path(folder) / "a").read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        (Path(folder) / "a").write_bytes(whole[:cut])
        assert storage.append_lines("a", [pack("new")])
        read = [unpack(line) for line in storage.lines("a") if line]
        assert read[-1] == "new"
        assert [one for one in read[:-1] if one is not None] == rows[
            : len([one for one in read[:-1] if one is not None])
        ]


def test_a_write_that_fails_leaves_no_half_file_to_fill_the_chip(tmp_path: Path) -> None:
    """The room is needed by the next try."""
    storage = Storage(str(tmp_path))
    (tmp_path / "a").mkdir()
    assert not storage.write("a", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["outbox", "ids", "config.a", "day", "faults", "commands", "selftest", "cause"])
def test_a_file_that_cannot_be_written_does_not_stop_a_key(tmp_path: Path, name: str) -> None:
    """A folder in its place, or no folder at all: the dial is ordered, the fault told, the press goes out unsaved."""
    (tmp_path / name).mkdir()
    terminal = build(Bare(tmp_path))
    given_: list[tuple[object, ...]] = []
    terminal.alarm.orders.give = given_.append  # type: ignore[method-assign, assignment]
    terminal.modem.ready, terminal.modem.reg, terminal.channels.voice.silent = True, 1, False
    terminal.alarm._facts(terminal.board.now())
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    assert [order[0] for order in given_] == ["dial"]
    sent = {kind: fields for kind, fields in waiting(terminal) + waiting(terminal) if kind == "press"}
    assert sent
    if name == "outbox":
        assert "storage_damaged" in terminal.telemetry.faults


def test_without_its_file_system_the_terminal_dials_its_own_desk(tmp_path: Path) -> None:
    """The number of the district, not that of the factory; and the cloud is asked for the rest by version 0."""
    home = tmp_path / "home"
    home.mkdir()
    first = build(Bare(home))
    plan = {"sos": [["值班台", "01055500009", 30, 1], ["女儿", "13800000001", 25, 0]]}
    give(first, "config", {"ver": 7, "hb": 600, "plan": plan})
    shutil.rmtree(home)
    second = build(Bare(home))
    given_: list[tuple[object, ...]] = []
    second.alarm.orders.give = given_.append  # type: ignore[method-assign, assignment]
    second.modem.ready, second.modem.reg, second.channels.voice.silent = True, 1, False
    second.alarm._facts(second.board.now())
    second.alarm._fire("sos", "hold", 700, second.board.now())
    assert [order[2] for order in given_] == ["01055500009"]
    assert second.config.ver == 0
