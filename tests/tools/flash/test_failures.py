"""Whatever can go wrong at the bench is one line in two languages with a code of its own, and ruins nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import serial

from tests.tools.board.an_image import BANNER, image
from tests.tools.flash.conftest import SMALL, Desk
from tests.tools.flash.test_flash import begun
from tests.tools.provision.test_on_a_board import made
from tools.accept import errors as accept
from tools.board import esp, images, ports, texts
from tools.board.bundle import Bundle
from tools.board.console import Console
from tools.board.texts import BenchError
from tools.chip import Chip
from tools.flash import program, steps
from tools.provision import errors as provision
from tools.provision import reservation


def fails(desk: Desk, name: str, *words: str) -> str:
    """The line, after a run up to the files that ended with this failure."""
    done = desk.flash(*words, "--until", "install")
    assert done.exit_code == texts.TEXTS[name][0], done.output
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("失败：")
    assert " / failed: " in done.stderr
    return str(done.stderr)


def test_every_failure_has_a_code_of_its_own() -> None:
    """A script at the bench can tell them apart."""
    codes = [code for code, _, _ in texts.TEXTS.values()]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, texts.INTERRUPTED, texts.SOME_FAILED} & set(codes)


def test_a_second_chip_type_is_refused(board: Callable[..., Chip], desk: Desk) -> None:
    """An ESP32-S3 boots from another offset: writing to it would ruin it."""
    chip = board(chip="esp32s3")
    assert "ESP32-S3" in fails(desk, "wrong_chip", "--port", chip.port, "--erase")
    assert not chip.flash_bytes().strip(b"\xff")
    assert begun(chip, "erase") == begun(chip, "write") == 0


def test_a_flash_that_is_too_small_is_refused(board: Callable[..., Chip], desk: Desk) -> None:
    """For any image, and for one that needs more than this board has."""
    chip = board(flash_mb=2)
    fails(desk, "small_flash", "--port", chip.port, "--erase")
    assert begun(chip, "erase") == begun(chip, "write") == 0
    large = desk.bench.folder / "large.bin"
    large.write_bytes(image(partitions=((0, 0x10, 0x10000, 0x180000, b"ota_0"), (1, 0x81, 0x400000, 0x400000, b"vfs"))))
    images.add(desk.bench, large)
    assert "8 MB" in fails(desk, "small_flash", "--port", board().port, "--image", "large")


def test_an_image_that_changed_on_the_bench_is_refused(chip: Chip, desk: Desk) -> None:
    """It is hashed at every use."""
    path = images.file(desk.bench, desk.image)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    fails(desk, "bad_hash", "--port", chip.port)
    assert begun(chip, "write") == 0


def test_a_file_without_its_hash_or_with_another_is_refused(desk: Desk) -> None:
    """Nothing unregistered is written."""
    file = desk.bench.folder.parent / "official.bin"
    fails(desk, "usage", "--image", str(file))
    fails(desk, "usage", "--image", str(file), "--sha256", "abc")
    fails(desk, "bad_hash", "--image", str(file), "--sha256", "0" * 64)
    assert desk.image.sha256 in fails(desk, "bad_hash", "--image", str(file), "--sha256", "0" * 64)


def test_without_an_image_the_line_says_which_file_to_get(desk: Desk) -> None:
    """And how to register it."""
    images.remove(desk.bench, desk.image.name)
    line = fails(desk, "no_image")
    assert "micropython.org/download/ESP32_GENERIC" in line
    assert "onekey image add" in line


def test_two_images_are_not_chosen_from(desk: Desk) -> None:
    """The technician says which."""
    other = desk.bench.folder / "other.bin"
    other.write_bytes(image(banner=BANNER.replace(b"1.29", b"1.28")))
    images.add(desk.bench, other)
    line = fails(desk, "which_image")
    assert "official" in line
    assert "other" in line


def test_a_step_or_an_option_that_does_not_exist(desk: Desk) -> None:
    """Told before any port is opened."""
    assert desk.flash("--until", "fly").exit_code == texts.USAGE
    assert desk.flash("--until", "identify", "--erase").exit_code == texts.USAGE


def test_no_port_and_two_ports(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing plugged in; two boards, of which one must be named, or all taken."""
    monkeypatch.setattr(ports, "found", list)
    fails(desk, "no_port")
    monkeypatch.setattr(ports, "found", lambda: ["/dev/ttyUSB0", "/dev/ttyUSB1"])
    line = fails(desk, "many_ports")
    assert "/dev/ttyUSB0, /dev/ttyUSB1" in line


def test_one_port_named_twice_is_one_port(chip: Chip) -> None:
    """By a link and by its own name: two threads must not fight for it."""
    real = os.path.realpath(chip.port)
    assert len(ports.choose([chip.port, real], several=True)) == 1


def test_a_port_that_is_not_there_or_does_not_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cable without a board, an address without a server."""
    monkeypatch.setattr(esp, "TALK_TIMEOUT_S", 8.0)
    assert "/dev/ttyNONE" in fails(desk, "no_board", "--port", "/dev/ttyNONE")
    fails(desk, "no_board", "--port", "socket://127.0.0.1:9")
    master, slave = pty.openpty()
    try:
        fails(desk, "no_board", "--port", os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


def test_a_port_in_use(chip: Chip, desk: Desk) -> None:
    """By another window of the technician's."""
    with serial.Serial(chip.port, exclusive=True):
        fails(desk, "busy", "--port", chip.port)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="takes root to become somebody else")
def test_a_port_that_is_not_ours(chip: Chip) -> None:
    """The line names the group that opens serial ports."""
    real = os.path.realpath(chip.port)
    Path(real).chmod(0o600)
    source = Path(ports.__file__)
    script = (
        "import importlib.util, sys, types\n"
        "class E(Exception):\n"
        "    def __init__(self, name, **values): super().__init__(name)\n"
        "texts = types.ModuleType('tools.board.texts'); texts.BenchError = E\n"
        "sys.modules['tools'] = sys.modules['tools.board'] = types.ModuleType('tools')\n"
        "sys.modules['tools.board.texts'] = texts\n"
        f"exec(compile({source.read_text()!r}, 'ports', 'exec'))\n"
        f"judge({real!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], user=65534, capture_output=True, text=True, timeout=30, check=False, cwd="/"
    )
    assert done.stderr.strip().endswith("E: no_permission"), done.stderr
    assert "dialout" in BenchError("no_permission", port="x").line


def fill(chip: Chip, left: int) -> Path:
    """A file of somebody else's that leaves so many bytes, and less than a block more, of the board's file system."""
    with Console(chip.port) as console:
        room = console.free()
    path = chip.files / "songs.bin"
    with path.open("wb") as file:
        file.truncate(room - left)
    return path


def test_a_full_file_system_leaves_no_half_file(chip: Chip) -> None:
    """The old file stays, the half one goes; with room again the file is put."""
    (chip.files / "a.mpy").write_bytes(b"old")
    songs = fill(chip, 4096)
    with Console(chip.port) as console:
        with pytest.raises(BenchError) as told:
            console.put("/a.mpy", b"new" * 4000)
        assert told.value.name == "full"
        assert sorted(path.name for path in chip.files.glob("[!.]*")) == ["a.mpy", "songs.bin"]
        assert (chip.files / "a.mpy").read_bytes() == b"old"
        songs.unlink()
        console.put("/a.mpy", b"new" * 4000)
    assert (chip.files / "a.mpy").read_bytes() == b"new" * 4000


def test_too_little_room_is_told_before_a_file_is_put(chip: Chip, desk: Desk) -> None:
    """The program itself needs room to keep a press; what the line says to do helps."""
    fill(chip, program.KEPT_FREE + 2 * program.BLOCK)
    assert "--erase" in fails(desk, "full", "--port", chip.port)
    assert not list(chip.files.rglob("*.mpy"))
    assert desk.flash("--port", chip.port, "--until", "install", "--erase").exit_code == 0
    assert not (chip.files / "songs.bin").exists()
    assert len(list(chip.files.rglob("*.mpy"))) == len(SMALL.files) - 1


def test_a_file_that_arrived_otherwise_is_found(chip: Chip, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte on the way; the next run repairs it."""
    from mpremote.transport_serial import SerialTransport

    real = SerialTransport.fs_writefile

    def flip(self: Any, dest: str, data: bytes, *rest: Any) -> None:
        real(self, dest, data[:-1] + b"?", *rest)

    with monkeypatch.context() as patch:
        patch.setattr(SerialTransport, "fs_writefile", flip)
        fails(desk, "differs", "--port", chip.port)
    assert desk.flash("--port", chip.port, "--until", "install").exit_code == 0
    assert all((chip.files / name).read_bytes() == data for name, data in SMALL.files.items() if name != "main.py")


def test_flash_that_does_not_keep_its_bytes_is_written_again(
    chip: Chip, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read back is not the image: the write does not count any more."""
    real = esp.verify

    def spoil(port: str, path: Path, log: Callable[[str], None]) -> None:
        other = path.with_name("other")
        other.write_bytes(path.read_bytes()[:-1] + b"x")
        real(port, other, log)

    with monkeypatch.context() as patch:
        patch.setattr(esp, "verify", spoil)
        fails(desk, "not_verified", "--port", chip.port)
    assert desk.flash("--port", chip.port, "--until", "verify").exit_code == 0
    assert begun(chip, "write") == 2


def test_an_interpreter_of_another_time_is_refused(chip: Chip, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytecode is another one: the program would not start."""
    monkeypatch.setattr("tools.board.bundle.build", lambda: Bundle(SMALL.files, 5))
    fails(desk, "old_python", "--port", chip.port)
    assert not list(chip.files.rglob("*.mpy"))


def test_boards_swapped_between_two_steps_are_noticed(chip: Chip) -> None:
    """A board never gets what was meant for another one."""
    with Console(chip.port) as console, pytest.raises(BenchError) as told:
        program.same_board(console, "24:6f:28:00:00:99")
    assert told.value.name == "other_board"
    assert chip.mac.replace(":", "") in told.value.line


def test_a_room_that_is_not_installed_is_told_before_the_board_is_touched(
    chip: Chip, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And up to which step it goes without."""
    monkeypatch.setitem(steps.ROOMS, steps.PROVISION, "tools.no_such_room")
    done = desk.flash("--port", chip.port)
    assert done.exit_code == texts.TEXTS["no_room"][0]
    assert "--until install" in done.stderr
    assert begun(chip, "write") == 0


def test_with_json_a_failure_is_one_object(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever failed, and wherever."""
    monkeypatch.setattr(ports, "found", list)
    assert desk.told("--until", "verify")["failed"]["name"] == "no_port"
    assert desk.told("--port", "/dev/ttyNONE", "--until", "verify")["failed"]["exit"] == 11


def test_what_a_later_step_would_miss_is_told_before_the_board_is_touched(
    chip: Chip, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reservation, no test phone, words that no label can hold: not after ten minutes of writing."""
    touched: list[str] = []
    monkeypatch.setattr("tools.board.esp.identify", lambda port, _log: touched.append(port))
    assert desk.flash("--port", chip.port).exit_code == provision.TEXTS["no_reservation"][0]
    file = desk.bench.folder.parent / "reserved"
    file.write_text(json.dumps(made()))
    reservation.load(desk.bench.folder, file)
    settings = desk.bench.folder / "bench.json"
    for content, (code, _, _) in (
        (None, accept.TEXTS["no_test_number"]), ("{", accept.TEXTS["bad_settings"]),
        ({"test_number": "120"}, accept.TEXTS["bad_test_number"]),
        ({"test_number": "13800000099", "legends": {"k1": "\U0001f600"}}, accept.TEXTS["bad_words"]),
        ({"test_number": "13800000099", "legends": ["k1"]}, accept.TEXTS["bad_settings"]),
    ):  # fmt: skip
        if content is not None:
            settings.write_text(content if isinstance(content, str) else json.dumps(content))
        done = desk.flash("--port", chip.port)
        assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert touched == []


def test_a_board_that_is_silent_is_not_taken_for_a_locked_one(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that was cut before the lock was set leaves a terminal that anybody could open."""
    del rooms

    def away(*_: Any) -> None:
        raise BenchError("silent", port=chip.port)

    monkeypatch.setattr("tools.flash.program.enable", away)
    monkeypatch.setattr("tools.provision.unlock.is_locked", lambda _port: False)
    assert desk.flash("--port", chip.port).exit_code == 24
    assert desk.flash("--port", chip.port).exit_code == 24
    monkeypatch.setattr("tools.provision.unlock.is_locked", lambda _port: True)
    assert desk.flash("--port", chip.port).exit_code == 0


def test_what_nobody_foresaw_is_one_boards_failure(
    board: Callable[..., Chip], desk: Desk, rooms: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that ended nobody knows how was not done: no test after it, no word of success, and the others go on."""
    bad, good = board(), board()
    real = sys.modules[steps.ROOMS[steps.PROVISION]].run

    def provision(console: Any, bench: Any, facts: dict[str, Any]) -> Any:
        if facts["mac"] == bad.mac:
            raise RuntimeError("secret-of-nobody")
        return real(console, bench, facts)

    monkeypatch.setattr(sys.modules[steps.ROOMS[steps.PROVISION]], "run", provision)
    told = desk.told("--port", bad.port, "--port", good.port, "--batch")
    assert [one["failed"] and one["failed"]["name"] for one in told["boards"]] == ["unforeseen", None]
    assert rooms["test"] == [told["boards"][1]["device"]]
    done = desk.flash("--port", bad.port)
    assert done.exit_code == texts.TEXTS["unforeseen"][0]
    assert done.stderr.count("\n") == 1
    assert "secret-of" not in done.output
    log = (desk.bench.log / f"{bad.mac.replace(':', '')}.log").read_text()
    assert "RuntimeError" in log
    assert "secret-of" not in log
    monkeypatch.setattr(sys.modules[steps.ROOMS[steps.PROVISION]], "run", real)
    assert desk.flash("--port", bad.port).exit_code == 0
