"""A TCP relay that can hold back what the client says: the moment between a commit and its acknowledgement.

The story puts it between ingest and the broker. While held, the broker's messages still reach ingest,
but no acknowledgement reaches the broker; when ingest is killed, what was held is gone with its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

_CHUNK = 65536


class Relay:
    """Listens on a free port of loopback and forwards to `target` port, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._free = True
        self._gates: set[_Gate] = set()
        self._server: asyncio.Server
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="relay", daemon=True)
        self._thread.start()
        ready.wait()

    def hold(self) -> None:
        """From now on nothing that the client sends goes on to the broker."""
        asyncio.run_coroutine_threadsafe(self._set(free=False), self._loop).result()

    def release(self) -> None:
        """Forward again; what an open connection had held goes on."""
        asyncio.run_coroutine_threadsafe(self._set(free=True), self._loop).result()

    def close(self) -> None:
        """End the relay and every connection through it."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    async def _set(self, *, free: bool) -> None:
        self._free = free
        if free:
            for gate in self._gates:
                gate.flush()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        gate = _Gate(up_writer)
        self._gates.add(gate)
        up = asyncio.ensure_future(self._up(reader, gate))
        down = asyncio.ensure_future(_pump(up_reader, writer))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        self._gates.discard(gate)
        for task in (up, down):
            task.cancel()
        for stream in (writer, up_writer):
            stream.close()

    async def _up(self, reader: asyncio.StreamReader, gate: _Gate) -> None:
        # Read on while held: a client that dies must be noticed at once, and what it said is then lost with it.
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                gate.data += data
                if self._free:
                    gate.flush()


class _Gate:
    """What one client has said and the broker has not been given."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.data = bytearray()
        self._writer = writer

    def flush(self) -> None:
        """Give it to the broker."""
        self._writer.write(bytes(self.data))
        self.data.clear()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
