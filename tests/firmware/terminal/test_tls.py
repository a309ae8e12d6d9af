"""The encrypted line end to end: real firmware in MicroPython, the emulator, Mosquitto with TLS, our own authority."""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.firmware.net.authority import DAY, HOST, Authority
from tests.firmware.terminal.desk import ONEKEY, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.firmware.terminal.desk import Cloud, Desk
    from tests.fixtures.broker import Mosquitto

CONFIG = {"ver": 3, "hb": 600, "plan": {"sos": [["值班台", "01055500000", 30, 1]]}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "a")


def secure(desk: Desk, broker: Mosquitto, authority: Authority, server: Path | None = None) -> None:
    """The broker shows this certificate, the terminal trusts this authority."""
    folder = server or authority.server()
    broker.secure(folder / "server.crt", folder / "server.key")
    desk.server = f"{HOST}:{broker.tls_port}"
    desk.ca = authority.roots()


class Gate:
    """A way to the broker that lets answers through only while it is open."""

    def __init__(self, port_behind: int) -> None:
        self.port_behind = port_behind
        self.open = threading.Event()
        self.asked = threading.Event()  # something came up
        self.connections = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = int(self._sockets[0].getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, what: Callable[..., None], *words: object) -> None:
        self._threads.append(threading.Thread(target=what, args=words))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near = self._sockets[0].accept()[0]
                far = socket.create_connection(("127.0.0.1", self.port_behind))
                self._sockets += [near, far]
                self.connections += 1
                self._start(self._carry, near, far, self.asked.set)
                self._start(self._carry, far, near, self.open.wait)

    def _carry(self, source: socket.socket, sink: socket.socket, first: Callable[[], object]) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                first()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.open.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()


@pytest.fixture
def gate(broker: Mosquitto, authority: Authority, desk: Desk) -> Iterator[Gate]:
    secure(desk, broker, authority)
    one = Gate(broker.tls_port)
    desk.server = f"{HOST}:{one.port}"
    yield one
    one.close()


def test_a_press_walks_to_its_receipt_over_tls(
    desk: Desk, broker: Mosquitto, authority: Authority, request: pytest.FixtureRequest
) -> None:
    """And after the line was cut the session is resumed, with what came meanwhile."""
    secure(desk, broker, authority)
    cloud: Cloud = request.getfixturevalue("cloud")  # only now: the broker was started anew
    desk.start(n01055500000="answer after=1 talk=100")
    desk.note("connected")
    desk.press("k1", 300)
    press = cloud.wait("press")
    desk.note("talking")
    desk.press("cancel", 100)
    until(lambda: any(press["id"] in line["ids"] for line in desk.lines() if line.get("note") == "receipt"), "receipt")
    desk.control("data off")
    desk.note("disconnected")
    cloud.send("config", CONFIG)
    desk.control("data on")
    assert desk.note("connected", 1, 60)["present"] is True
    cloud.wait("event", ev="config_applied", val=3)


def test_a_server_of_strangers_is_refused_told_and_not_hammered(
    desk: Desk, broker: Mosquitto, authority: Authority, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Keys dial all the same. Once the right server is back, the fault and its end are told."""
    stranger = Authority(tmp_path / "stranger")
    secure(desk, broker, authority, stranger.server())
    desk.start(n01055500000="answer after=1 talk=100")
    assert desk.note("disconnected")["why"] == "certificate: not of our roots"
    desk.press("k1", 300)
    desk.note("talking")
    desk.press("cancel", 100)
    desk.note("ended")
    assert len([line for line in desk.lines() if line.get("note") == "disconnected"]) == 1
    desk.kill_firmware()
    folder = authority.server()
    broker.secure(folder / "server.crt", folder / "server.key")
    cloud: Cloud = request.getfixturevalue("cloud")
    desk.start_terminal()
    assert cloud.wait("event", ev="server_refused")["txt"] == "certificate"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda one: one.server(host="elsewhere.example"), "host: not in the certificate"),
        (lambda one: one.odd_server(-9 * DAY, -DAY), "certificate: expired"),
        (lambda one: one.odd_server(9 * DAY, 99 * DAY), "certificate: not yet valid"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused_with_the_reason(
    desk: Desk, broker: Mosquitto, authority: Authority, make: object, why: str
) -> None:
    """Wrong host, expired, not yet valid."""
    assert callable(make)
    secure(desk, broker, authority, make(authority))
    desk.start()
    assert desk.note("disconnected")["why"] == why


def test_a_terminal_with_the_roots_of_before_follows_a_rotation(desk: Desk, broker: Mosquitto, tmp_path: Path) -> None:
    """The broker gets a certificate of what was the next root; nobody touches the terminal."""
    authority = Authority(tmp_path / "a")
    secure(desk, broker, authority)
    desk.start()
    desk.note("connected")
    authority.rotate()
    folder = authority.server()
    broker.secure(folder / "server.crt", folder / "server.key")
    desk.note("connected", 1, 60)


def test_a_call_in_the_middle_of_the_handshake_suspends_it_and_does_not_end_it(desk: Desk, gate: Gate) -> None:
    """The key dials at once; when the call is over the same connection is finished."""
    desk.start(n01055500000="answer after=1 talk=100")
    assert gate.asked.wait(30)
    desk.press("k1", 300)
    desk.note("talking")
    gate.open.set()
    desk.press("cancel", 100)
    desk.note("ended")
    desk.note("connected")
    assert gate.connections == 1
    assert not [line for line in desk.lines() if line.get("note") == "disconnected"]


def test_a_new_server_takes_effect_at_once(
    desk: Desk, gate: Gate, broker: Mosquitto, request: pytest.FixtureRequest
) -> None:
    """`srv` of a configuration moves the session, which the broker has kept."""
    cloud: Cloud = request.getfixturevalue("cloud")
    gate.open.set()
    desk.start()
    desk.note("connected")
    cloud.send("config", CONFIG | {"srv": f"{HOST}:{broker.tls_port}"})
    assert desk.note("disconnected")["why"] == "moved"
    assert desk.note("connected", 1)["present"] is True
    assert gate.connections == 1


def test_roots_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    """By the command, before anything runs."""
    (tmp_path / "nonsense").write_text("no certificate")
    command = [ONEKEY, "terminal", "--uart", "/dev/null", "--state", str(tmp_path), "--keys", str(tmp_path / "k")]
    command += ["--device", "DESK01", "--server", "h:1", "--ca"]
    for file, said in (("nonsense", "holds no roots"), ("missing", "cannot read the roots")):
        done = subprocess.run([*command, tmp_path / file], capture_output=True, check=False, timeout=30)
        assert done.returncode == 1
        assert said in done.stderr.decode()
        assert len(done.stderr.splitlines()) == 1
