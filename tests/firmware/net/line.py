"""The terminal's TLS over an ordinary socket, in CPython or MicroPython: `line.py ROOTS HOST PORT`.

Prints one JSON object: how it ended, and the sizes of what went up and came down in each piece.
"""

import asyncio
import json
import sys

from firmware.net import roots
from firmware.net.link import OpenStream
from firmware.net.tls import TLSStream

WHOLE = 480  # bytes of a PUBLISH, at the most


class Tcp(OpenStream):
    """A plain connection."""

    def __init__(self) -> None:
        self.up: list[int] = []
        self.down: list[int] = []

    async def open(self, host: str, port: int, apn: str) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def read(self, most: int) -> bytes:
        try:
            data = bytes(await self.reader.read(most))
        except OSError:
            data = b""
        self.down.append(len(data))
        return data

    async def write(self, data: bytes) -> None:
        self.up.append(len(data))
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()


def trusted(file: str) -> list[bytes]:
    with open(file, "rb") as ders:  # noqa: PTH123 - MicroPython has no pathlib
        return roots.split(ders.read())


async def main(file: str, host: str, port: int) -> None:
    tcp = Tcp()
    stream = TLSStream(tcp, trusted(file), lambda: False, lambda: False)
    why, answer = "", b""
    try:
        await stream.open(host, port, "")
        tcp.up.append(0)  # what follows is data
        await stream.write(b"x" * WHOLE)
        while len(answer) < WHOLE:
            piece = await stream.read(1024)
            if not piece:
                break
            answer += piece
    except OSError as error:
        why = str(error)
    await stream.close()
    print(json.dumps({"why": why, "answer": len(answer), "up": tcp.up, "down": tcp.down}))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
