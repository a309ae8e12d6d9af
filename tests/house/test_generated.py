"""Generated files are committed, and are what their generator makes today."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from tools.wire import command, readme

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_no_generated_file_of_the_wire_is_stale() -> None:
    """`onekey protocol write` mends it."""
    assert command.stale() == []


def test_every_part_that_is_made_has_its_place_in_the_readme() -> None:
    """A table that nobody sees is not a contract."""
    page = (command.ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"<!-- generated: (\w+) -->", page) == [
        "common",
        "up",
        "down",
        "reasons",
        "codes",
        "conversation",
    ]
    assert set(readme.MAKERS) == {"common", "up", "down", "reasons", "codes", "conversation"}


def test_check_names_a_stale_a_missing_and_a_foreign_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`onekey protocol check` ends with 1 and says which; after `write` only the foreign one is left."""
    root = tmp_path / "protocol"
    root.mkdir()
    (root / "README.md").write_text((command.ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    files = command.generated(root)
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr(command, "generated", lambda _root=root: files)
    monkeypatch.setattr(command.stale, "__defaults__", (root,))
    assert CliRunner().invoke(command.app, ["write"]).exit_code == 0
    assert CliRunner().invoke(command.app, ["check"]).exit_code == 0
    (root / "vectors" / "good.jsonl").write_text("old\n")
    (root / "schema" / "up.press.json").unlink()
    (root / "schema" / "up.hello.json").write_text("{}")
    told = CliRunner().invoke(command.app, ["check"])
    assert told.exit_code == 1
    assert sorted(re.findall(r"stale: protocol/(\S+)", told.output)) == [
        "schema/up.hello.json", "schema/up.press.json", "vectors/good.jsonl",
    ]  # fmt: skip
