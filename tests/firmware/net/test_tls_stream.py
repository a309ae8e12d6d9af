"""The TLS stream on lines that are cut, damaged, ended, suspended by calls, or silent."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.net import tls
from firmware.net.engine import TLSError
from firmware.net.tls import TLSStream
from tests.firmware.net import memory
from tests.firmware.net.authority import Authority
from tests.micropython import unix

if TYPE_CHECKING:
    from collections.abc import Iterator

MINOR = 2  # OpenSSL does not look at this byte of the first record: half of a version that is agreed on elsewhere
EVERY = 9  # in MicroPython a handshake takes 10 ms; a run with 1 passed too


class Ours(NamedTuple):
    certificate: str
    key: str
    roots: list[bytes]

    def line(self, cuts: list[int], end: int = 1 << 30, change: int = -1) -> memory.Memory:
        return memory.Memory(memory.OpenSSLServer(self.certificate, self.key), cuts, end, change)


@pytest.fixture(autouse=True, scope="module")
def no_collection() -> Iterator[None]:
    """CPython's collector looks at all that the tests of this process hold, at each of 2,000 connections."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tls, "gc", SimpleNamespace(collect=lambda: None))
        yield


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "a")


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Ours:
    folder = authority.server()
    return Ours(str(folder / "server.crt"), str(folder / "server.key"), [authority.roots("current").read_bytes()])


async def test_the_handshake_holds_or_fails_at_every_byte(ours: Ours) -> None:
    """Cut in two anywhere it succeeds; ended or damaged anywhere it fails as a TLSError and never hangs."""
    whole = await memory.talk(ours.line([1024]), ours.roots)
    for at in range(whole - 8):
        await memory.talk(ours.line([at + 1, 1024]), ours.roots, (480,))
        assert await memory.refuses(ours.line([1024], at), ours.roots) == "handshake: closed"
        if at != MINOR:
            assert await memory.refuses(ours.line([1024], change=at), ours.roots), at


def test_the_same_in_micropython_with_mbedtls_at_both_ends(authority: Authority, tmp_path: Path) -> None:
    """Every ninth byte."""
    folder = authority.server()
    one = x509.load_pem_x509_certificate((folder / "server.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), None)
    der = serialization.Encoding.DER
    (tmp_path / "c").write_bytes(one.public_bytes(der))
    (tmp_path / "k").write_bytes(
        key.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    script, roots = Path(memory.__file__), authority.roots("current")
    done = subprocess.run(
        [unix.binary(), str(script), str(tmp_path / "c"), str(tmp_path / "k"), str(roots), str(EVERY)],
        cwd=unix.ROOT, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "MICROPYPATH": f"{unix.ROOT}:.frozen"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    cut, ended, damaged = map(int, done.stdout.split())
    assert cut == ended == damaged
    assert cut > 60


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=30),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
)
def test_however_records_are_split_the_data_is_the_same(ours: Ours, cuts: list[int], sizes: list[int]) -> None:
    """Records over many reads, and many records in one."""
    asyncio.run(memory.talk(ours.line(cuts), ours.roots, tuple(sizes)))


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_noise_instead_of_a_server_is_refused(ours: Ours, noise: bytes) -> None:
    """Whatever it says: a TLSError, nothing else."""
    line = ours.line([1024])
    line.waiting = noise
    assert asyncio.run(memory.refuses(line, ours.roots)).startswith("handshake: ")


async def test_a_record_that_is_damaged_later_ends_the_session(ours: Ours) -> None:
    """Nothing of it reaches the user."""
    line = ours.line([1024])
    stream = memory.client(line, ours.roots)
    await stream.open("localhost", 1, "")
    line.change = line.came + 20
    await stream.write(b"x" * 100)
    with pytest.raises(TLSError, match="record"):
        await stream.read(1024)


async def test_a_stream_that_was_closed_reads_its_end_and_writes_nothing(ours: Ours) -> None:
    """Also under a reader that waits, and twice."""
    line = Held(ours)
    stream = memory.client(line, ours.roots)
    with pytest.raises(TLSError, match="closed"):
        await stream.write(b"x")
    await stream.open("localhost", 1, "")
    line.flows.clear()
    reader = asyncio.create_task(stream.read(1024))
    await asyncio.sleep(0)
    await stream.close()
    await stream.close()
    assert await reader == b""
    with pytest.raises(TLSError, match="closed"):
        await stream.write(b"x")


async def test_a_session_can_be_opened_again_and_again(ours: Ours) -> None:
    """Each with keys of its own; a try that failed in the middle leaves nothing behind."""
    for end in (1 << 30, 100, 1 << 30):
        line = ours.line([1024], end)
        stream = memory.client(line, ours.roots)
        for _ in range(2):
            line.server, line.waiting, line.came = memory.OpenSSLServer(ours.certificate, ours.key), b"", 0
            if end == 100:
                with pytest.raises(TLSError):
                    await stream.open("localhost", 1, "")
            else:
                await stream.open("localhost", 1, "")
            await stream.close()


async def test_writers_side_by_side_send_whole_records_in_order(ours: Ours) -> None:
    """The number of a record is part of what protects it."""
    line = Held(ours)
    stream = memory.client(line, ours.roots)
    await stream.open("localhost", 1, "")
    await asyncio.gather(*[stream.write(bytes([n]) * 50) for n in range(20)])
    got = b""
    while len(got) < 1000:
        got += await stream.read(1024)
    assert got == b"".join(bytes([n]) * 50 for n in range(20))


class Held(memory.Memory):
    """A line that waits, as a real one does, until something comes; nothing flows while `flows` is clear."""

    def __init__(self, ours: Ours) -> None:
        super().__init__(memory.OpenSSLServer(ours.certificate, ours.key), [1024])
        self.flows = asyncio.Event()
        self.flows.set()

    async def read(self, most: int) -> bytes:
        while True:
            await self.flows.wait()
            if self.closed:
                return b""
            piece = await super().read(most)
            if piece:
                return piece
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        await super().close()
        self.flows.set()

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        await super().write(data)


async def test_a_call_stops_the_clock_of_the_handshake(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than the limit allows and is finished all the same; a silent server without a call is not."""
    monkeypatch.setattr(tls, "_HANDSHAKE_S", 0.1)
    monkeypatch.setattr(tls, "_LOOK_S", 0.01)
    asked = 0

    def held() -> bool:
        nonlocal asked
        asked += 1
        return asked < 60  # by the clock and by the handshake, each look once: three times the limit

    line = Held(ours)
    await TLSStream(line, ours.roots, held, lambda: False).open("localhost", 1, "")
    assert asked >= 60
    line = Held(ours)
    line.flows.clear()
    with pytest.raises(TLSError, match="too slow"):
        await TLSStream(line, ours.roots, lambda: False, lambda: False).open("localhost", 1, "")
    assert line.closed


async def test_a_dial_that_is_due_leaves_before_the_next_step(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of cryptography may take 0.3 s on the chip; none begins between a press and its dial."""
    monkeypatch.setattr(tls, "_LOOK_S", 0.05)
    line = Held(ours)
    order: list[str] = []

    async def dial() -> None:
        order.append("dial")

    def wanted() -> bool:
        if not order:
            order.append("wanted")
            asyncio.get_running_loop().create_task(dial())
        return True

    stream = TLSStream(line, ours.roots, lambda: False, wanted)
    await stream.open("localhost", 1, "")
    assert order == ["wanted", "dial"]


async def test_only_version_1_2_and_suites_of_29_bytes_are_offered(ours: Ours) -> None:
    """A server that wants anything else does not get it."""
    for words in ({"suites": "ECDHE-ECDSA-AES256-SHA384"}, {"only_newer": True}):
        line = ours.line([1024])
        line.server = memory.OpenSSLServer(ours.certificate, ours.key, **words)
        assert (await memory.refuses(line, ours.roots)).startswith("handshake: ")
