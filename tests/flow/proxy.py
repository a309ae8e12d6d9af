"""A TCP proxy that can withhold one direction: what was sent stays in it, as in a network that has just died."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Proxy:
    """Listens on `port`, forwards to a port or a unix socket. `up` and `down` are set while that direction flows."""

    def __init__(self, target: int | str) -> None:
        self.target = target
        self.port = 0
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.up.set()
        self.down.set()
        self.held_up = 0
        self.held_down = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self.target, str):
                far_reader, far_writer = await asyncio.open_unix_connection(self.target)
            else:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nobody is there: whoever asked is told the same way
            writer.close()
            return
        for source, sink, flows in ((reader, far_writer, self.up), (far_reader, writer, self.down)):
            task = asyncio.ensure_future(self._pump(source, sink, flows))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        try:
            while data := await source.read(65_536):
                if not flows.is_set():
                    self.held_up += len(data) * (flows is self.up)
                    self.held_down += len(data) * (flows is self.down)
                    # What comes out of a dead network later belongs to nobody any more.
                    await flows.wait()
                    return
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    def swallow(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        self.up.clear()
        self.down.clear()

    def flow(self) -> None:
        """New connections work; one on which something was lost is closed."""
        self.up.set()
        self.down.set()

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def proxy_to(target: int | str) -> AsyncIterator[Proxy]:
    """A running proxy."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
