"""A bench with a registered image, an emulated board, a small program, and rooms that only write down what they did."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.tools.board.an_image import image
from tools import flash
from tools.board import bench as benches
from tools.board import bundle as bundles
from tools.board import images
from tools.board.bench import Bench
from tools.board.bundle import Bundle
from tools.chip import Chip
from tools.flash import steps

SMALL = Bundle(
    {
        "main.py": b"print('the program runs')\n",
        "firmware/__init__.mpy": b"a",
        "firmware/core/ladder.mpy": bytes(range(256)) * 9,
        "protocol/topics.mpy": b"topics",
    },
    6,
)


@dataclass
class Desk:
    """The bench and its command."""

    bench: Bench
    image: images.Image

    def flash(self, *words: str) -> Result:
        """`onekey flash`."""
        return CliRunner().invoke(flash.app, ["--bench", str(self.bench.folder), *words])

    def told(self, *words: str) -> dict[str, Any]:
        """With --json."""
        told: dict[str, Any] = json.loads(self.flash(*words, "--json").stdout)
        return told

    @property
    def written(self) -> bytes:
        """The image's bytes."""
        return images.file(self.bench, self.image).read_bytes()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With one official image, and a program that takes no minute to send."""
    bench = benches.find(tmp_path / "bench")
    file = tmp_path / "official.bin"
    file.write_bytes(image())
    monkeypatch.setattr(bundles, "build", lambda: SMALL)
    return Desk(bench, images.add(bench, file))


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Callable[..., Chip]]:
    """Boards, each with its own address."""
    made: list[Chip] = []

    def make(**options: Any) -> Chip:
        folder = tmp_path / f"board{len(made)}"
        folder.mkdir()
        chip = Chip(folder, mac=f"24:6f:28:00:00:{len(made) + 1:02x}", **options)
        made.append(chip)
        return chip.__enter__()

    yield make
    for chip in made:
        chip.__exit__()


@pytest.fixture
def chip(board: Callable[..., Chip]) -> Chip:
    """One."""
    return board()


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Provisioning and test as the command calls them: one identity for each address, however often asked."""
    calls: dict[str, list[str]] = {"provision": [], "test": []}
    identities: dict[str, str] = {}

    def provision(console: Any, bench: Bench, facts: dict[str, Any]) -> dict[str, Any]:
        calls["provision"].append(facts["mac"])
        device = identities.setdefault(facts["mac"], f"t-{len(identities) + 1:05d}")
        console.run("import esp32\nn = esp32.NVS('onekey')\nn.set_blob('device', d)\nn.commit()", d=device.encode())
        return {"device": device}

    def test(console: Any, bench: Bench, facts: dict[str, Any]) -> dict[str, Any]:
        calls["test"].append(facts["device"])
        return {"passed": True}

    for step, work in (("provision", provision), ("test", test)):
        module = ModuleType(f"tests_room_{step}")
        module.run = work  # type: ignore[attr-defined]
        module.lock = lambda console, _bench, _facts: console.reset()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(steps.ROOMS, step, module.__name__)
    return calls
