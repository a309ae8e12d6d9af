"""Small files: whole or not at all, and never an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.app.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path


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
