"""What a technician may rely on when a board is on the port, and what must not happen to it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import environment, flash
from tools.embedded import children
from tools.embedded.ports import free_port, listens

RUN = CliRunner()


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, str]:
    """A file with the header of an ESP32 image, and its hash."""
    data = bytes([0xE9, 3, 2, 0x20]) + bytes(20) + os.urandom(20_000)
    path = tmp_path / "micropython.bin"
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


@contextmanager
def rom(chip: str) -> Iterator[str]:
    """The address of a ROM loader of that chip, in a process of its own."""
    port = free_port()
    process = children.start(
        [str(environment.program("esp32-mock-bootloader")), "run", "--chip", chip, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        children.wait_until(lambda: listens(port), process, "the ROM loader")
        yield f"socket://127.0.0.1:{port}"
    finally:
        children.stop(process)


@pytest.fixture
def esp32() -> Iterator[str]:
    with rom("esp32") as url:
        yield url


def test_a_board_is_identified_and_nothing_is_written(esp32: str) -> None:
    """Without an image the command only reads."""
    done = RUN.invoke(flash.app, ["--port", esp32, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["chip"].startswith("ESP32")
    assert told["flash_mb"] >= 4
    assert told["written"] is False


def test_an_image_is_written_and_read_back(esp32: str, image: tuple[Path, str]) -> None:
    """The board holds the image's bytes when the command says so."""
    path, digest = image
    done = RUN.invoke(flash.app, ["--port", esp32, "--image", str(path), "--sha256", digest, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["written"] is True
    assert flash._esptool(esp32, ["--no-stub", "verify-flash", "0x1000", str(path)], 60).returncode == 0


def test_another_chip_is_refused_before_anything_is_written(image: tuple[Path, str]) -> None:
    """An ESP32-S3 boots from another offset: writing to it would ruin it."""
    with rom("esp32s3") as url:
        path, digest = image
        done = RUN.invoke(flash.app, ["--port", url, "--image", str(path), "--sha256", digest])
        assert done.exit_code == flash.WRONG_BOARD
        assert "ESP32-S3" in done.stderr


def test_a_wrong_hash_or_image_is_refused_without_a_board(image: tuple[Path, str], tmp_path: Path) -> None:
    """The image is judged before the port is opened."""
    path, digest = image
    other = tmp_path / "other.bin"
    other.write_bytes(b"not an image, but long enough to be read")
    right = hashlib.sha256(other.read_bytes()).hexdigest()
    c3 = tmp_path / "c3.bin"
    c3.write_bytes(bytes([0xE9]) + bytes(11) + bytes([5, 0]) + bytes(50))
    for file, sha in ((path, "0" * 64), (other, right), (tmp_path / "absent.bin", digest)):
        assert RUN.invoke(flash.app, ["--image", str(file), "--sha256", sha]).exit_code == flash.BAD_IMAGE
    c3_sha = hashlib.sha256(c3.read_bytes()).hexdigest()
    assert RUN.invoke(flash.app, ["--image", str(c3), "--sha256", c3_sha]).exit_code == flash.BAD_IMAGE
    assert RUN.invoke(flash.app, ["--image", str(path)]).exit_code == flash.USAGE


def test_a_dead_cable_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers: the message names the port in both languages and the exit code says which step."""
    monkeypatch.setattr(flash, "TALK_TIMEOUT_S", 5)
    done = RUN.invoke(flash.app, ["--port", "socket://127.0.0.1:9"])
    assert done.exit_code == flash.NO_BOARD
    assert done.stderr.count("\n") == 1
    assert "127.0.0.1:9" in done.stderr
