"""A TLS server in memory and a stream to it whose pieces a test cuts as it likes, in CPython and MicroPython.

In MicroPython: `memory.py CERTIFICATE KEY ROOTS STEP` (all in DER) plays the cases below and prints how many held.
"""

import asyncio
import io
import sys

from firmware.net.engine import TLSError
from firmware.net.link import OpenStream
from firmware.net.tls import TLSStream

try:
    import tls  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    tls = None
    import ssl

SIZES = (1, 29, 480, 1024, 3000)


class Pipe(io.IOBase):
    """Both directions of mbedtls, without limits."""

    def __init__(self) -> None:
        self.incoming = self.outgoing = b""

    def readinto(self, buffer: bytearray) -> "int | None":
        piece = self.incoming[: len(buffer)]
        self.incoming = self.incoming[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece) or None

    def write(self, data: bytes) -> int:
        self.outgoing += bytes(data)
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        return 0


class MbedServer:
    """Echoes what it understands."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.pipe = Pipe()
        self.socket = context.wrap_socket(self.pipe, server_side=True, do_handshake_on_connect=False)

    def take(self, data: bytes) -> bytes:
        self.pipe.incoming += data
        try:
            plain = self.socket.read(4096)
            while plain:
                self.socket.write(plain)
                plain = self.socket.read(4096)
        except OSError:
            pass  # the alert of a client that refuses
        out, self.pipe.outgoing = self.pipe.outgoing, b""
        return out


class OpenSSLServer:
    """The same in CPython; there the files are named, in PEM."""

    def __init__(self, certificate: str, key: str, suites: str = "ALL", only_newer: bool = False) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_ciphers(suites)
        if only_newer:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def take(self, data: bytes) -> bytes:
        self.incoming.write(data)
        try:
            while True:
                self.object.write(self.object.read(4096))
        except ssl.SSLError:
            pass
        return self.outgoing.read()


class Memory(OpenStream):
    """The line to a server.

    `cuts`: sizes of the pieces that come down, the last one for ever; `end`: bytes until it is closed; `change`: which
    of the bytes that come down is damaged.
    """

    def __init__(self, server, cuts: "list[int]", end: int = 1 << 30, change: int = -1) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        self.server = server
        self.cuts = list(cuts)
        self.end = end
        self.change = change
        self.waiting = b""
        self.came = 0
        self.closed = 0

    async def open(self, host: str, port: int, apn: str) -> None:
        pass

    async def read(self, most: int) -> bytes:
        await asyncio.sleep(0)
        size = min(most, self.cuts[0], self.end - self.came)
        if len(self.cuts) > 1:
            self.cuts.pop(0)
        piece = self.waiting[:size]
        self.waiting = self.waiting[size:]
        if self.came <= self.change < self.came + len(piece):
            at = self.change - self.came
            piece = piece[:at] + bytes([piece[at] ^ 0x55]) + piece[at + 1 :]
        self.came += len(piece)
        return piece  # b"" also where a real line would wait: nothing more is to come

    async def write(self, data: bytes) -> None:
        self.waiting += self.server.take(data)

    async def close(self) -> None:
        self.closed += 1


def client(line: Memory, roots: "list[bytes]") -> TLSStream:
    return TLSStream(line, roots, lambda: False, lambda: False)


async def talk(line: Memory, roots: "list[bytes]", sizes: "tuple[int, ...]" = SIZES) -> int:
    """Handshake, then echoes of these sizes; bytes that came down in all."""
    stream = client(line, roots)
    await stream.open("localhost", 1, "")
    shaken = line.came
    for size in sizes:
        data = bytes([size & 0xFF]) * size
        await stream.write(data)
        answer = b""
        while len(answer) < size:
            piece = await stream.read(1024)
            assert piece
            assert len(piece) <= 1024
            answer += piece
        assert answer == data
    await stream.close()
    return shaken


async def refuses(line: Memory, roots: "list[bytes]") -> str:
    """Why the handshake failed; "" if it did not."""
    stream = client(line, roots)
    try:
        await stream.open("localhost", 1, "")
    except TLSError as error:
        return str(error)
    finally:
        await stream.close()
    return ""


async def play(certificate: bytes, key: bytes, roots: "list[bytes]", step: int) -> None:
    """Every step-th cut, end and damage of the handshake."""

    def fresh(cuts: "list[int]", end: int = 1 << 30, change: int = -1) -> Memory:
        return Memory(MbedServer(certificate, key), cuts, end, change)

    whole = await talk(fresh([1024]), roots)
    await talk(fresh([1]), roots)
    counts = {"cut": 0, "ended": 0, "damaged": 0}
    for at in range(0, whole - 8, step):  # signatures differ in length by a few bytes
        await talk(fresh([at + 1, 1024]), roots, (480,))
        counts["cut"] += 1
        counts["ended"] += await refuses(fresh([1024], at), roots) == "handshake: closed"
        counts["damaged"] += await refuses(fresh([1024], 1 << 30, at), roots) != ""
    print(counts["cut"], counts["ended"], counts["damaged"])


def content(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - MicroPython has no pathlib
        return file.read()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(play(content(given[0]), content(given[1]), [content(given[2])], int(given[3])))
