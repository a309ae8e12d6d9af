"""engine.py for CPython, so that tests run there too. No image has this file.

In and out: as there.
"""

import ssl

from firmware.net.engine import Engine, TLSError, Trust, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN_MAX = 512  # as there
_SUITES = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"  # as there


class OpenEngine(Engine):
    """OpenSSL."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.done = False
        self.out = bytearray()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)

    def hungry(self) -> bool:
        """Each call works through all that there is."""
        return True

    def feed(self, data: bytes) -> bool:
        """As there."""
        self._in.write(data)
        return bool(data)

    def step(self) -> None:
        """As there."""
        if self._call("handshake", self._object.do_handshake) is not self:
            self.done = True

    def read(self) -> "bytes | None":
        """As there."""
        piece = self._call("record", lambda: self._object.read(PLAIN_MAX))
        return piece if isinstance(piece, bytes) else None

    def write(self, data: bytes) -> None:
        """As there."""
        self._call("record", lambda: self._object.write(data))

    def take(self) -> bytes:
        """As there."""
        out = bytes(self.out)
        self.out.clear()
        return out

    def close(self) -> None:
        """Nothing to give back."""

    def _call(self, where: str, what: "Callable[[], object]") -> object:
        """What it gives, or `self` where it wants more of the line."""
        try:
            return what()
        except ssl.SSLWantReadError:
            return self
        except ssl.SSLZeroReturnError:
            return b""
        except (OSError, ValueError) as error:
            raise TLSError(reason(where, error))
        finally:
            self.out.extend(self._out.read())


class OpenTrust(Trust):
    """OpenSSL's context."""

    def _make(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_SUITES)
        return context

    def _load(self, root: bytes) -> None:
        self.context.load_verify_locations(cadata=root)

    def _engine(self, host: str) -> Engine:
        return OpenEngine(self.context, host)
