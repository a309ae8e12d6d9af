"""Whom the terminal's TLS accepts: the same cases with mbedtls in MicroPython and with OpenSSL in CPython."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.firmware.net.authority import DAY, Authority
from tests.micropython import unix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fixtures.broker import Mosquitto

LINE = Path(__file__).with_name("line.py")
SEND_MAX = 512  # bytes of one send of the modem


class Echo:
    """A server of one connection after the other."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(20)
            try:
                line = self.context.wrap_socket(plain, server_side=True) if self.context else plain
                with line:
                    while data := line.recv(4096):
                        line.sendall(data)
            except OSError:
                plain.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours") / "a")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other") / "a")


@pytest.fixture
def serve() -> Iterator[Callable[..., Echo]]:
    running: list[Echo] = []

    def start(folder: Path, change: Callable[[ssl.SSLContext], None] = lambda _context: None) -> Echo:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        change(context)
        running.append(Echo(context))
        return running[-1]

    yield start
    for one in running:
        one.close()


def run(python: str, roots: Path, port: int, host: str = "localhost") -> dict[str, Any]:
    """What line.py printed."""
    binary = sys.executable if python == "cpython" else unix.binary()
    done = subprocess.run(
        [binary, str(LINE), str(roots), host, str(port)],
        cwd=unix.ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "MICROPYPATH": f"{unix.ROOT}:.frozen", "PYTHONPATH": str(unix.ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


pythons = pytest.mark.parametrize("python", ["micropython", "cpython"])


@pythons
def test_our_server_is_accepted_and_a_full_publish_fits_one_send(
    python: str, ours: Authority, serve: Callable[..., Echo]
) -> None:
    """Two flights up in one piece each, 29 bytes around a record, and a handshake of about 900 bytes."""
    said = run(python, ours.roots(), serve(ours.server()).port)
    assert (said["why"], said["answer"]) == ("", 480)
    flights, data = said["up"][: said["up"].index(0)], said["up"][said["up"].index(0) + 1 :]
    assert len(flights) == 2
    assert data == [480 + 29]
    assert data[0] <= SEND_MAX
    assert max(flights) <= SEND_MAX
    if python == "micropython":
        assert sum(flights) <= 317
        assert sum(said["down"]) - data[0] <= 1137


@pythons
def test_a_server_may_be_named_by_its_address(python: str, ours: Authority, serve: Callable[..., Echo]) -> None:
    """The host of a configuration is a name or an address; the certificate must say the same."""
    echo = serve(ours.server(host="127.0.0.1"))
    assert run(python, ours.roots(), echo.port, "127.0.0.1")["why"] == ""
    assert run(python, ours.roots(), echo.port)["why"] == "host: not in the certificate"


@pythons
def test_strangers_are_refused_with_the_reason(
    python: str, ours: Authority, other: Authority, serve: Callable[..., Echo]
) -> None:
    """Another authority, another host, dates that are past or to come."""
    roots = ours.roots()
    assert run(python, other.roots(), serve(ours.server()).port)["why"] == "certificate: not of our roots"
    named = serve(ours.server(host="broker.example"))
    assert run(python, roots, named.port)["why"] == "host: not in the certificate"
    assert run(python, roots, serve(ours.odd_server(-9 * DAY, -DAY)).port)["why"] == "certificate: expired"
    assert run(python, roots, serve(ours.odd_server(9 * DAY, 99 * DAY)).port)["why"] == "certificate: not yet valid"


@pythons
def test_without_a_root_that_can_be_read_nobody_is_accepted(
    python: str, ours: Authority, tmp_path: Path, serve: Callable[..., Echo]
) -> None:
    """A spoilt root is left out, the terminal starts, and the other root still does."""
    port, roots = serve(ours.server()).port, ours.roots("current").read_bytes()
    spoilt = roots[:4] + bytes(len(roots) - 4)
    for data, why in ((b"", "certificate: no roots"), (spoilt, "certificate: no roots"), (spoilt + roots, "")):
        (tmp_path / "roots").write_bytes(data)
        assert run(python, tmp_path / "roots", port)["why"] == why


@pythons
def test_old_versions_are_refused(python: str, ours: Authority, serve: Callable[..., Echo]) -> None:
    """TLS 1.1 is broken; the terminal offers 1.2 only."""

    def old(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")

    said = run(python, ours.roots(), serve(ours.server(), old).port)
    assert said["why"].startswith("handshake: ")
    assert said["why"] not in ("handshake: closed", "handshake: too slow")


@pythons
def test_a_server_without_tls_is_refused(python: str, ours: Authority, broker: Mosquitto) -> None:
    """Whether it answers in the clear or hangs up: nothing of ours is sent to it."""
    said = run(python, ours.roots(), broker.port)
    assert said["why"].startswith("handshake: ")
    assert len(said["up"]) <= 2  # the hello, and perhaps an alert
    echo = Echo(None)
    try:
        assert run(python, ours.roots(), echo.port)["why"].startswith("handshake: ")
    finally:
        echo.close()


@pythons
def test_both_roots_are_trusted_so_that_a_rotation_cuts_nobody_off(
    python: str, tmp_path: Path, serve: Callable[..., Echo]
) -> None:
    """A terminal with the roots of before accepts a server of the new current one, and not that of the one after."""
    authority = Authority(tmp_path / "a")
    before, only_current = authority.roots(), authority.roots("current")
    tried = serve(authority.server("--by-next"))
    assert run(python, before, tried.port)["why"] == ""
    assert run(python, only_current, tried.port)["why"] == "certificate: not of our roots"
    authority.rotate()
    assert run(python, before, serve(authority.server()).port)["why"] == ""
    assert run(python, authority.roots(), serve(authority.server()).port)["why"] == ""
    assert run(python, before, serve(authority.server("--by-next")).port)["why"] == "certificate: not of our roots"
