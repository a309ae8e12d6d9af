"""The emulator as a program: a real PTY, a real TCP server, signals, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.tools.modem.muxbench import SABM, UIH, frame
from tools.embedded import children

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

DEADLINE_S = 20.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")


class Desk:
    """The emulator as a child process, and a terminal at its PTY."""

    def __init__(self, folder: Path) -> None:
        self.link, self.control_path = folder / "modem", folder / "control"
        script = folder / "script.toml"
        script.write_text('[numbers.01055500001]\nkind = "answer"\nafter = 0.1\ntalk = 0.2\n', encoding="utf-8")
        options = ["--speed", "50", "--link", str(self.link), "--control", str(self.control_path)]
        command = [sys.executable, "-m", "tools", "modem", "--pty", *options, "--script", str(script)]
        self.process = children.start(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.name = self.process.stdout.readline().decode().strip()
        self.fd = self.open()

    def open(self) -> int:
        fd = os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._seen = b""
        return fd

    def write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.fd, data) :]
            except BlockingIOError:
                time.sleep(0.001)

    def until(self, expected: bytes) -> bytes:
        """Everything up to and with `expected`."""
        self._read_while(lambda: expected not in self._seen)
        head, _, self._seen = self._seen.partition(expected)
        return head + expected

    def take(self, count: int) -> bytes:
        """The next `count` bytes, whatever they are."""
        self._read_while(lambda: len(self._seen) < count)
        data, self._seen = self._seen[:count], self._seen[count:]
        return data

    def _read_while(self, missing: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while missing():
            assert time.monotonic() < deadline, self._seen
            try:
                self._seen += os.read(self.fd, 65536)
            except BlockingIOError:
                time.sleep(0.002)  # between two looks at the line

    def ask(self, command: str, expected: bytes = b"\r\nOK\r\n") -> bytes:
        self.write(command.encode() + b"\r")
        return self.until(expected)

    def control(self, *lines: str) -> list[str]:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(DEADLINE_S)
            caller.connect(str(self.control_path))
            caller.sendall("".join(f"{line}\n" for line in lines).encode())
            answers = caller.makefile()
            return [answers.readline().strip() for _ in lines]

    def end(self, sig: int = signal.SIGTERM) -> list[dict[str, object]]:
        """Ask it to end; what it wrote to standard output after the first line."""
        self.process.send_signal(sig)
        assert self.process.stdout is not None
        lines = self.process.stdout.read().decode().splitlines()
        assert self.process.wait(DEADLINE_S) == 0
        return [json.loads(line) for line in lines]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An emulator that has registered."""
    desk = Desk(tmp_path)
    try:
        desk.until(b"SMS Ready\r\n")
        desk.ask("ATE0")
        yield desk
    finally:
        os.close(desk.fd)
        children.stop(desk.process)


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A TCP server that sends everything back."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def test_a_call_is_dialled_through_the_pty_and_reported_as_json(desk: Desk) -> None:
    """Pins the first line, the dialogue, the events in order with their times, and a clean end."""
    assert desk.name == str(desk.link.readlink())
    desk.ask("AT+CLCC=1")
    desk.ask("ATD01055500001;", b"NO CARRIER\r\n")
    tally = json.loads(desk.control("calls")[0].removeprefix("ok "))
    assert tally["calls"][0]["number"] == "01055500001"
    events = desk.end()
    names = [event["ev"] for event in events]
    assert names[:3] == ["power", "registered", "ready"]
    assert names[3:7] == ["dial", "ringing", "active", "end"]
    times = [float(str(event["at"])) for event in events]
    assert times == sorted(times)
    assert abs(times[-1] - time.time()) < DEADLINE_S
    assert not os.path.lexists(desk.link)
    assert not desk.control_path.exists()


def test_a_terminal_may_go_and_another_one_come(desk: Desk) -> None:
    """Pins that the modem lives on while nobody holds its port, as the hardware does."""
    os.close(desk.fd)
    assert desk.control("nonsense", "csq 9")[1] == "ok"
    desk.fd = desk.open()
    assert desk.ask("AT+CSQ") == b"\r\n+CSQ: 9,0\r\n\r\nOK\r\n"
    os.close(desk.fd)
    desk.fd = desk.open()
    assert desk.ask("AT") == b"\r\nOK\r\n"
    desk.end(signal.SIGINT)
    assert not os.path.lexists(desk.link)


async def test_a_hundred_kilobytes_go_through_real_tcp_and_come_back(desk: Desk, echo: int) -> None:
    """Pins counted sending and fetching over the PTY and a socket, with a bounded buffer in between."""
    await asyncio.to_thread(_echo_dialogue, desk, echo)
    events = desk.end()
    assert {"data_connect", "data_close"} <= {str(event["ev"]) for event in events}


def _echo_dialogue(desk: Desk, port: int) -> None:
    for command in ("AT+CIPRXGET=1", "AT+CIPQSEND=1", 'AT+CSTT="cmiot","",""', "AT+CIICR"):
        desk.ask(command)
    desk.ask("AT+CIFSR", b"\r\n10.0.0.2\r\n")
    desk.ask(f'AT+CIPSTART="TCP","127.0.0.1",{port}', b"\r\nCONNECT OK\r\n")
    sent = bytes(range(256)) * 400
    came = bytearray()
    todo = sent
    deadline = time.monotonic() + DEADLINE_S
    while len(came) < len(sent):
        assert time.monotonic() < deadline
        if todo:
            part, todo = todo[:1024], todo[1024:]
            desk.ask(f"AT+CIPSEND={len(part)}", b"\r\n> ")
            desk.write(part)
            desk.until(b"\r\nDATA ACCEPT:%d\r\n" % len(part))
        came += _fetch(desk)
    assert came == sent
    desk.ask("AT+CIPSHUT", b"\r\nSHUT OK\r\n")


def _fetch(desk: Desk) -> bytes:
    desk.ask("AT+CIPRXGET=2,1460", b"\r\n+CIPRXGET: 2,")
    count = int(desk.until(b"\r\n").split(b",")[0])
    data = desk.take(count)
    desk.until(b"\r\nOK\r\n")
    return data


def test_a_server_that_is_not_there_is_a_connect_fail(desk: Desk) -> None:
    """Pins the refusal of a real socket, and of a name that nobody has."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for command in ('AT+CSTT="cmiot","",""', "AT+CIICR"):
            desk.ask(command)
        desk.ask("AT+CIFSR", b"\r\n10.0.0.2\r\n")
        desk.ask(f'AT+CIPSTART="TCP","127.0.0.1",{port}', b"\r\nCONNECT FAIL\r\n")
    desk.ask('AT+CDNSGIP="localhost"', b'\r\n+CDNSGIP: 1,"localhost","127.0.0.1"\r\n')


def test_frames_of_the_multiplexer_pass_the_pty_as_they_are(desk: Desk) -> None:
    """Pins that no byte of a frame means anything to the PTY, and the way back to a bare line."""
    desk.ask("AT+CMUX=0")
    desk.write(frame(0, SABM) + frame(1, SABM))
    desk.until(b"\x07\x73\x01\x15\xf9")
    status = json.loads(desk.control("status")[0].removeprefix("ok "))
    assert status["mux"] == [1]
    desk.write(frame(0, UIH, b"\xc3\x01"))
    desk.until(b"\xc1\x01")
    desk.write(b"\r")
    assert desk.ask("AT+CSQ").endswith(b"+CSQ: 22,0\r\n\r\nOK\r\n")


def test_a_file_in_the_place_of_link_or_socket_is_left_alone(tmp_path: Path) -> None:
    """Pins that the emulator replaces only what an emulator made."""
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    for option in ("--link", "--control"):
        command = [sys.executable, "-m", "tools", "modem", "--pty", option, str(taken)]
        result = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
        assert result.returncode == 1
        assert result.stderr.startswith(b"onekey modem: ")
        assert taken.read_text(encoding="utf-8") == "mine"


def test_nobody_reading_the_events_does_not_stop_the_modem(desk: Desk) -> None:
    """Pins that a full pipe costs events, counted, and never an answer."""
    assert desk.process.stdout is not None
    for _ in range(30):
        desk.control(*["registration off", "registration on"] * 20)
        desk.control(*["call 13800000001 seconds=0", "registration denied"] * 40)
    desk.ask("AT")
    status = json.loads(desk.control("status")[0].removeprefix("ok "))
    assert status["dropped"]["events"] > 0


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """Pins exit codes for a missing --pty, a bad script, and what does not exist."""
    bad = tmp_path / "bad.toml"
    bad.write_text("[default]\nkind = 'maybe'\n", encoding="utf-8")
    refused = (["--script", str(bad)], ["--imei", "1"], ["--model", "sim900"], ["--pace", "3g"])
    for options in ([], *(["--pty", *wrong] for wrong in refused)):
        command = [sys.executable, "-m", "tools", "modem", *options]
        assert subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False).returncode == 2
