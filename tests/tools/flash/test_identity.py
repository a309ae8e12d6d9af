"""The real program, the real provisioning and the real lock in one run; only the technician's test is left out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cloud.stock.parts import iccid
from tests.tools.flash.conftest import Desk
from tests.tools.flash.test_interrupted import PowerCutError, cut
from tests.tools.provision.test_on_a_board import made
from tools.board import texts
from tools.board.bundle import build
from tools.board.console import Console
from tools.board.texts import BenchError
from tools.chip import Chip
from tools.flash import steps
from tools.provision import errors, records, reservation

__all__ = ["cut"]


def test_a_board_ends_locked_with_one_identity_wherever_it_was_cut(
    board: Callable[..., Chip],
    desk: Desk,
    rooms: dict[str, list[str]],
    cut: Callable[[str, str, float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when it was locked already and the bench does not know it."""
    monkeypatch.setattr("tools.board.bundle.build", build)
    monkeypatch.setitem(steps.ROOMS, steps.PROVISION, "tools.flash.identity")
    file = desk.bench.folder / "reserved"
    file.write_text(json.dumps(made()))
    reservation.load(desk.bench.folder, file)
    chip = board(iccid=iccid(1), speed=20.0)
    for step in (steps.PROVISION, steps.START):
        cut(step, "done", 0.5)
        with pytest.raises(PowerCutError):
            print(desk.flash("--port", chip.port).output)
    assert chip.wait(lambda: chip.lamp.now != 0), bytes(chip.console[-2000:])
    done = desk.flash("--port", chip.port)
    assert done.exit_code == 0, done.output
    assert chip.nvs("device") == b"XC000001"
    assert chip.nvs("lock") is not None
    assert len((desk.bench.folder / records.FILE).read_text().splitlines()) == 1
    assert "secret-of" not in "".join(path.read_text() for path in desk.bench.log.iterdir())
    assert rooms["test"] == ["XC000001"]
    with pytest.raises(BenchError) as told, Console(chip.port, starts_s=5.0):
        pass
    assert told.value.name == "silent"
    refused = desk.flash("--port", chip.port, "--erase")
    assert (refused.exit_code, "reissue XC000001" in refused.stderr) == (texts.TEXTS["has_identity"][0], True)
    assert chip.nvs("password") is not None
    lost = desk.flash("--port", chip.port, "--erase", "--erase-identity")
    assert (lost.exit_code, "reissue XC000001" in lost.stderr) == (errors.TEXTS["lost_password"][0], True)
