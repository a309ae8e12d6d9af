"""What a technician may rely on when a board is on the port."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.board.an_image import image
from tests.tools.flash.conftest import SMALL, Desk
from tools.board import images, texts
from tools.board.bundle import build
from tools.board.espimage import NVS
from tools.chip import Chip

ROOT = Path(__file__).resolve().parents[3]
ORDERS = {
    "write": ("FLASH_BEGIN 0x1000", "FLASH_DEFL_BEGIN 0x1000"),
    "read back": ("SPI_FLASH_MD5", "FLASH_MD5"),
    "erase": ("ERASE",),
}


def begun(chip: Chip, what: str) -> int:
    """How often the loader was told."""
    return sum(line.startswith(ORDERS[what]) for line in chip.rom_log())


def holds(chip: Chip, desk: Desk) -> bool:
    """Whether its flash is the image, and nothing else was touched. The key-value storage is the program's own."""
    at = 0x1000
    flash, wanted = chip.flash_bytes(), b"\xff" * at + desk.written
    return all(flash[part] == wanted[part] for part in (slice(NVS.start), slice(NVS.stop, len(wanted))))


def test_a_board_is_identified_and_nothing_is_written(chip: Chip, desk: Desk) -> None:
    """The first step only reads."""
    told = desk.told("--port", chip.port, "--until", "identify")
    assert (told["family"], told["mac"], told["flash_mb"], told["written"]) == ("ESP32", chip.mac, 4, False)
    assert not chip.flash_bytes().strip(b"\xff")
    assert begun(chip, "write") == 0


def test_a_slow_answer_is_waited_for(chip: Chip, desk: Desk) -> None:
    """Of the order that starts esptool's helper on the chip: hubs, adapters and busy machines keep one for a second."""
    chip.late("MEM_END", 1.0)
    told = desk.told("--port", chip.port, "--until", "identify")
    assert told["failed"] is None
    assert told["mac"] == chip.mac


def test_one_command_makes_a_terminal_of_a_board(chip: Chip, desk: Desk, rooms: dict[str, list[str]]) -> None:
    """Image byte by byte, files byte by byte, an identity, a test, and the program runs after it."""
    done = desk.flash("--port", chip.port)
    assert done.exit_code == 0, done.output
    assert holds(chip, desk)
    assert all((chip.files / name).read_bytes() == data for name, data in SMALL.files.items())
    assert chip.nvs("device") == b"t-00001"
    assert rooms == {"provision": [chip.mac], "test": ["t-00001"]}
    assert chip.wait(lambda: b"the program runs" in chip.console)
    assert done.stderr == ""


def test_a_second_run_does_nothing_again(chip: Chip, desk: Desk, rooms: dict[str, list[str]]) -> None:
    """Each finished step is told as done before."""
    desk.flash("--port", chip.port)
    told = desk.told("--port", chip.port)
    assert set(told["steps"].values()) == {"done", "before"}
    assert [step for step, when in told["steps"].items() if when == "done"] == ["identify"]
    assert begun(chip, "write") == 1
    assert rooms["provision"] == [chip.mac]


def test_another_image_is_written_again_and_the_identity_stays(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]]
) -> None:
    """What the new image makes untrue is done again, and only that: nobody else has the credential."""
    desk.flash("--port", chip.port)
    chip.set_nvs("password", b"only here")
    other = desk.bench.folder / "other.bin"
    other.write_bytes(image(seed=2))
    desk.image = images.add(desk.bench, other)
    done = desk.flash("--port", chip.port, "--image", "other")
    assert done.exit_code == 0, done.output
    assert holds(chip, desk)
    assert begun(chip, "write") == 2
    assert (len(rooms["provision"]), len(rooms["test"])) == (1, 2)
    assert (chip.nvs("device"), chip.nvs("password")) == (b"t-00001", b"only here")


def test_a_home_image_holds_its_program(chip: Chip, desk: Desk, rooms: dict[str, list[str]]) -> None:
    """No file is copied to it."""
    home = desk.bench.folder / "home.bin"
    home.write_bytes(image(home=True))
    desk.image = images.add(desk.bench, home)
    done = desk.flash("--port", chip.port, "--image", "home")
    assert done.exit_code == 0, done.output
    assert not list(chip.files.rglob("*.mpy"))
    assert not (chip.files / "main.py").exists()
    assert rooms["test"] == ["t-00001"]


def test_what_an_older_program_left_is_taken_away(chip: Chip, desk: Desk) -> None:
    """A module that no longer exists, a half file, a boot.py of somebody else's; not what the program keeps."""
    for name in ("firmware/old.py", "firmware/gone/a.mpy", "firmware/core/ladder.mpy.new", "boot.py", "outbox.bin"):
        (chip.files / name).parent.mkdir(parents=True, exist_ok=True)
        (chip.files / name).write_text("1\n")
    assert desk.flash("--port", chip.port, "--until", "install").exit_code == 0
    there = {path.relative_to(chip.files).as_posix() for path in chip.files.rglob("*") if path.is_file()}
    assert {name for name in there if not name.startswith(".")} == {*SMALL.files, "outbox.bin"} - {"main.py"}
    assert not (chip.files / "firmware" / "gone").exists()


def test_erase_takes_everything_first(chip: Chip, desk: Desk) -> None:
    """Once; the run after it goes on."""
    assert desk.flash("--port", chip.port, "--until", "verify", "--erase").exit_code == 0
    assert desk.flash("--port", chip.port, "--until", "install").exit_code == 0
    assert (begun(chip, "erase"), begun(chip, "write")) == (1, 1)


def test_a_terminal_is_not_erased_by_the_way(chip: Chip, desk: Desk, rooms: dict[str, list[str]]) -> None:
    """What this bench made one: the line says what would follow, and one option more does it."""
    desk.flash("--port", chip.port)
    refused = desk.flash("--port", chip.port, "--erase")
    assert (refused.exit_code, refused.stderr.count("\n")) == (texts.TEXTS["has_identity"][0], 1)
    assert "onekey stock reissue t-00001" in refused.stderr
    assert "--erase-identity" in refused.stderr
    assert (begun(chip, "erase"), chip.nvs("device")) == (0, b"t-00001")
    assert desk.flash("--port", chip.port).exit_code == 0
    assert rooms["provision"] == [chip.mac]
    assert desk.flash("--port", chip.port, "--erase-identity").exit_code == texts.USAGE
    assert desk.flash("--port", chip.port, "--erase", "--erase-identity").exit_code == 0
    assert (begun(chip, "erase"), len(rooms["provision"])) == (1, 2)


def test_another_benchs_terminal_is_not_erased_by_the_way(chip: Chip, desk: Desk) -> None:
    """This bench never saw it: its own storage says so, through the loader, whatever its program does."""
    chip.set_nvs("password", b"only here")
    (chip.files / "main.py").write_text("while True:\n    pass\n")
    chip.reset()
    refused = desk.flash("--port", chip.port, "--until", "verify", "--erase")
    assert (refused.exit_code, begun(chip, "erase")) == (texts.TEXTS["has_identity"][0], 0)
    assert chip.nvs("password") == b"only here"
    assert desk.flash("--port", chip.port, "--until", "verify", "--erase", "--erase-identity").exit_code == 0
    assert chip.nvs("password") is None
    assert desk.flash("--port", chip.port, "--until", "verify", "--erase").exit_code == 0


def test_the_real_program_starts_on_an_official_image(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files of the tree as bytecode: the lamp lights, and nothing is said on the console but what it prints."""
    monkeypatch.setattr("tools.board.bundle.build", build)
    done = desk.flash("--port", chip.port)
    assert done.exit_code == 0, done.output
    assert chip.wait(lambda: chip.lamp.now != 0), bytes(chip.console[-2000:])
    assert b"Traceback" not in chip.console


def test_several_boards_at_once_one_of_them_broken(
    board: Callable[..., Chip], desk: Desk, rooms: dict[str, list[str]]
) -> None:
    """The others end as terminals of their own, the broken one with its reason."""
    good = [board(), board()]
    bad = board(chip="esp32s3")
    words = [word for chip in (good[0], bad, good[1]) for word in ("--port", chip.port)]
    done = desk.flash(*words, "--batch")
    assert done.exit_code == 50
    assert done.stderr.count("失败") >= 1
    told = desk.told(*words, "--batch")
    assert told["failed"] == 1
    assert [one["failed"] and one["failed"]["name"] for one in told["boards"]] == [None, "wrong_chip", None]
    assert len({one["device"] for one in told["boards"]}) == 3
    assert all(holds(chip, desk) and begun(chip, "write") == 1 for chip in good)
    assert begun(bad, "write") == 0


def test_the_shell_script_takes_a_board_all_the_way_to_its_files(board: Callable[..., Chip], desk: Desk) -> None:
    """`./flash.sh` prepares the environment, and hands its words over: image and real program, compared."""
    chip = board()
    words = ["--bench", str(desk.bench.folder), "--port", chip.port, "--until", "install", "--json"]
    done = subprocess.run(
        [str(ROOT / "flash.sh"), *words], capture_output=True, text=True, timeout=400, check=False, cwd=chip.folder
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["steps"].values()) == {"done"}
    at = chip.flash_bytes()[0x1000 : 0x1000 + len(desk.written)]
    assert at == desk.written
    made = {name: digest(data) for name, data in build().files.items() if name != "main.py"}
    assert {name: digest((chip.files / name).read_bytes()) for name in made} == made


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()
