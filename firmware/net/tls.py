"""A TLS stream over another stream: what it carries is for our own server only.

In: a stream that can be opened, the roots of our CA. Out: the same kind of stream, encrypted both ways.
Must never hold the loop for more than one step of cryptography, never begin one in a call, and never give up a
handshake because a call came between.
"""

import asyncio
import gc

from firmware.net.engine import Engine, TLSError, trust
from firmware.net.link import OpenStream
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

_HANDSHAKE_S = const(45.0)  # without calls; two round trips and 900 bytes take 3 s on a good 2G line
_READ = const(1_024)  # of the line at a time
_LOOK_S = const(0.5)  # how closely deadlines and pauses follow a call


class TLSStream(OpenStream):
    """`open`, then `read` and `write` until one raises OSError or read gives b""."""

    def __init__(
        self, inner: OpenStream, roots: "list[bytes]", held: "Callable[[], bool]", wanted: "Callable[[], bool]"
    ) -> None:
        self.inner = inner
        self.held = held  # a call is up: data is suspended
        self.wanted = wanted  # a call may be dialled any moment
        self._trust = trust(roots)
        self._engine: Engine | None = None
        self._late = False
        self._lock = asyncio.Lock()  # records leave in the order in which they were made

    async def open(self, host: str, port: int, apn: str) -> None:
        """Connect and make sure of the server. Raises OSError; TLSError where it was not the inner stream's doing."""
        await self.inner.open(host, port, apn)
        gc.collect()  # the buffers of a connection want room in one piece
        self._late = False
        self._engine = self._trust.connect(host)
        guard = asyncio.create_task(self._guard())
        try:
            await self._shake(self._engine)
        finally:
            guard.cancel()

    async def _guard(self) -> None:
        """Ends the line under a handshake that takes too long. A read that is cut off would lose what it had taken."""
        left = _HANDSHAKE_S
        while left > 0:
            await asyncio.sleep(_LOOK_S)
            if not self.held():
                left -= _LOOK_S
        self._late = True
        await self.inner.close()

    async def _shake(self, engine: Engine) -> None:
        while True:
            await self._turn()
            if engine is not self._engine:
                raise TLSError("handshake: closed")
            try:
                engine.step()
            except TLSError:
                try:
                    await self._flush(engine)  # the alert that tells the server why
                except OSError:
                    pass
                raise
            await self._flush(engine)
            if engine.done:
                return
            if engine.hungry():
                # No name for what is read: it would live on while the next bytes are waited for.
                if not engine.feed(await self.inner.read(_READ)):
                    raise TLSError("handshake: " + ("too slow" if self._late else "closed"))

    async def _turn(self) -> None:
        """Let the others go first: a dial that is due leaves before the next step, and a call suspends them all."""
        await asyncio.sleep(_LOOK_S if self.wanted() else 0)
        while self.held():  # noqa: ASYNC110 - it waits for a fact, not for an event
            await asyncio.sleep(_LOOK_S)

    async def read(self, most: int) -> bytes:
        """Some bytes, at most 512; b"" at the end. Raises TLSError for a record that was tampered with."""
        engine = self._engine
        while engine is not None and engine is self._engine:
            piece = engine.read()
            if engine.out:
                await self._flush(engine)
            if piece is not None:
                return piece
            if engine.hungry():
                if not engine.feed(await self.inner.read(_READ)):
                    break
            else:
                await asyncio.sleep(0)
        return b""

    async def write(self, data: bytes) -> None:
        """All bytes, in as few records as they fit. Raises OSError."""
        engine = self._engine
        if engine is None or not engine.done:
            raise TLSError("record: closed")
        engine.write(data)
        await self._flush(engine)

    async def _flush(self, engine: Engine) -> None:
        """Whatever is due for the line, in one piece."""
        async with self._lock:
            if engine.out and engine is self._engine:
                await self.inner.write(engine.take())

    async def close(self) -> None:
        """End the connection and give its memory back; never raises."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        await self.inner.close()
