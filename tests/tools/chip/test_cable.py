"""One cable: esptool meets the ROM, mpremote the console, whoever comes first and whatever was left half done."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from tests.tools.chip.using import esptool, mpremote
from tools.chip import Chip


def test_esptool_finds_the_chip_that_it_is(tmp_path: Path) -> None:
    """Kind, MAC and flash of this board."""
    with Chip(tmp_path, chip="esp32", mac="24:6f:28:0a:0b:0c", flash_mb=8) as chip:
        said = esptool(chip.port, "flash-id")
    assert "ESP32" in said
    assert "24:6f:28:0a:0b:0c" in said
    assert "8MB" in said


def test_another_kind_of_chip_is_one(tmp_path: Path) -> None:
    """For whoever must refuse it."""
    with Chip(tmp_path, chip="esp32c3") as chip:
        assert "ESP32-C3" in esptool(chip.port, "chip-id")
        esptool(chip.port, "--chip", "esp32", "chip-id", code=None)


def test_an_image_is_written_and_read_back_byte_by_byte(chip: Chip, tmp_path: Path) -> None:
    """A megabyte through a cable that takes 4 KB at a time."""
    image = random.Random(1).randbytes(1 << 20)
    (tmp_path / "image.bin").write_bytes(image)
    esptool(chip.port, "write-flash", "0x1000", str(tmp_path / "image.bin"))
    assert chip.flash_bytes(0x1000, len(image)) == image
    esptool(chip.port, "read-flash", "0x1000", str(len(image)), str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == image


def test_the_log_tells_what_was_written_where(chip: Chip, tmp_path: Path) -> None:
    """So that a test sees which step was done again."""
    (tmp_path / "image.bin").write_bytes(bytes(10_000))
    esptool(chip.port, "write-flash", "0x1000", str(tmp_path / "image.bin"))
    log = chip.rom_log()
    assert [line for line in log if line.startswith("FLASH_DEFL_BEGIN 0x1000 ")]
    assert log.count("SYNC") >= 1


def test_a_second_conversation_begins_in_the_rom(chip: Chip) -> None:
    """Every esptool finds a chip fresh from a reset, not the stub of the one before."""
    for _ in range(2):
        assert "Uploading stub" in esptool(chip.port, "flash-id")


def test_the_console_follows_the_loader_by_a_reset(chip: Chip) -> None:
    """And the program does not speak while the loader has the chip."""
    esptool(chip.port, "chip-id")
    boots = len(chip.boots)
    assert mpremote(chip.port, "resume", "exec", "print(6*7)").strip() == "42"
    assert len(chip.boots) == boots + 1


def test_a_conversation_that_was_broken_off_spoils_nothing(chip: Chip) -> None:
    """Half a frame, and the cable goes to somebody else."""
    with serial.Serial(chip.port, 115_200, timeout=1) as port:
        port.write(b"\xc0\x00\x08\x24\x00")
    chip.unplug()
    chip.plug()
    assert mpremote(chip.port, "resume", "exec", "print(6*7)").strip() == "42"
    assert "ESP32" in esptool(chip.port, "chip-id")


def test_mpremote_copies_files_as_they_are(chip: Chip, tmp_path: Path) -> None:
    """More than the cable holds at once."""
    data = random.Random(3).randbytes(60_000)
    (tmp_path / "data.bin").write_bytes(data)
    mpremote(chip.port, "resume", "fs", "cp", str(tmp_path / "data.bin"), ":data.bin")
    assert (chip.files / "data.bin").read_bytes() == data
    assert hashlib.sha256(data).hexdigest() in mpremote(chip.port, "resume", "fs", "sha256sum", ":data.bin")


def test_mpremote_without_resume_makes_a_soft_reset_and_leaves_main_out(chip: Chip) -> None:
    """As on a chip."""
    (chip.files / "boot.py").write_text("booted = 1\n")
    (chip.files / "main.py").write_text("began = 1\n")
    assert mpremote(chip.port, "exec", "print(booted, 'began' in globals())").split() == ["1", "False"]
    assert chip.boots[-1] == 5


def test_a_pulled_cable_is_an_error_for_whoever_holds_it(chip: Chip) -> None:
    """And a port of the same name comes back with it; the board never stopped."""
    with serial.Serial(chip.port, 115_200, timeout=1) as port:
        chip.unplug()
        with pytest.raises((serial.SerialException, OSError)):
            port.read(1)
    assert not Path(chip.port).exists()
    chip.plug()
    assert mpremote(chip.port, "resume", "exec", "print(1)").strip() == "1"
    assert len(chip.boots) == 1


def test_a_blank_board_has_no_console_before_an_image_was_written(tmp_path: Path) -> None:
    """The ROM says what it finds."""
    with Chip(tmp_path / "board", blank=True) as chip:
        assert b"invalid header: 0xffffffff" in chip.console
        mpremote(chip.port, "resume", "exec", "print(1)", code=None)
        (tmp_path / "image.bin").write_bytes(b"\xe9" + bytes(5_000))
        esptool(chip.port, "write-flash", "0x1000", str(tmp_path / "image.bin"))
        assert mpremote(chip.port, "resume", "exec", "print(6*7)").strip() == "42"


def test_erasing_takes_identity_and_files(chip: Chip) -> None:
    """Everything is on one flash."""
    (chip.files / "main.py").write_text("pass\n")
    mpremote(chip.port, "resume", "exec", "import esp32; n=esp32.NVS('onekey'); n.set_blob('device', b'A'); n.commit()")
    esptool(chip.port, "erase-flash")
    assert chip.nvs("device") is None
    assert list(chip.files.glob("*.py")) == []


@pytest.mark.parametrize(("size", "kept"), [(0x8000, b"A"), (0x20000, None)])
def test_an_image_that_reaches_over_the_storage_takes_it(
    chip: Chip, tmp_path: Path, size: int, kept: bytes | None
) -> None:
    """One that ends below does not; files are elsewhere."""
    (chip.files / "main.py").write_text("pass\n")
    mpremote(chip.port, "resume", "exec", "import esp32; n=esp32.NVS('onekey'); n.set_blob('device', b'A'); n.commit()")
    (tmp_path / "image.bin").write_bytes(bytes(size))
    esptool(chip.port, "write-flash", "0x1000", str(tmp_path / "image.bin"))
    assert chip.nvs("device") == kept
    assert (chip.files / "main.py").exists()


def test_nothing_outlives_whoever_holds_the_board(tmp_path: Path) -> None:
    """Killed without a word, its processes go too."""
    source = (
        "import sys, time\nfrom pathlib import Path\nfrom tools.chip import Chip\n"
        "with Chip(Path(sys.argv[1])) as chip:\n"
        "    chip.wait(lambda: b'>>>' in chip.console)\n"
        "    print(chip._board._program._process.pid, chip._board.loader._process.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as holder:
        assert holder.stdout is not None
        children = [int(word) for word in holder.stdout.readline().split()]
        assert len(children) == 2
        watched = [os.pidfd_open(child) for child in children]
        holder.kill()
    import select

    for fd in watched:
        assert select.select([fd], [], [], 30)[0]
        os.close(fd)
