"""The cryptography of one TLS connection, without its input and output: mbedtls on the chip, OpenSSL on CPython.

In: roots, the host's name, bytes of the line and of the user. Out: bytes for both. TLS 1.2 with ECDHE and AES-GCM only.
Must never accept a server without a valid chain to one of our roots and its own name in the certificate, and never
work through more than one record in one call: a record is one step of cryptography, and the keys wait meanwhile.
"""

import io

from protocol import const

try:
    import tls  # type: ignore[import-not-found, unused-ignore]  # MicroPython
except ImportError:
    tls = None
    import ssl

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN_MAX = const(1_024)  # bytes that one read gives
_HEAD = const(5)  # bytes before each record: type, version, length
_SWITCH = const(20)  # types of records
_HANDSHAKE = const(22)
# 29 bytes around each record, so that a PUBLISH of 480 bytes fits one send of 512; nothing else is offered.
_SUITES = const(("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"))
_SUITES_OPENSSL = const("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
_TEXT_MAX = const(48)


class TLSError(OSError):
    """The connection is not to be used; the text begins with certificate, host, handshake or record."""


class Engine:
    """One connection. `out` holds bytes for the line; empty it."""

    done = False  # the server is who it says, and data may flow

    def __init__(self) -> None:
        self.out = bytearray()

    def hungry(self) -> bool:
        """Whether a further step needs bytes of the line."""
        raise NotImplementedError

    def feed(self, data: bytes) -> None:
        """Bytes of the line; only when hungry."""
        raise NotImplementedError

    def step(self) -> None:
        """Go on with the handshake. Raises TLSError."""
        raise NotImplementedError

    def read(self) -> "bytes | None":
        """Some bytes for the user, b"" if the server said good-bye, None if there are none yet. Raises TLSError."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Take bytes of the user. Raises TLSError."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the memory back."""


class _Pipe(io.IOBase):
    """What mbedtls takes for a socket. It gives one record, then would block, until the next `step` is allowed."""

    def __init__(self, out: bytearray) -> None:
        self.out = out
        self.allowed = False  # a record may begin
        self.finished = False  # the server's Finished has been read: the last message of a handshake
        self._in = memoryview(b"")
        self._at = 0
        self._head = bytearray(_HEAD)
        self._have = 0  # bytes of the head of the record that is being read
        self._left = 0  # bytes of its body still to come
        self._switched = False

    def hungry(self) -> bool:
        return self._at >= len(self._in)

    def feed(self, data: bytes) -> None:
        self._in = memoryview(data)
        self._at = 0

    def readinto(self, buffer: bytearray) -> "int | None":
        if not self._have:
            if not self.allowed:
                return None
            self.allowed = False
        most = self._left if self._have == _HEAD else _HEAD - self._have
        count = min(len(buffer), len(self._in) - self._at, most)
        if not count:
            self.allowed = self.allowed or not self._have
            return None
        piece = self._in[self._at : self._at + count]
        buffer[:count] = piece
        self._at += count
        self._follow(piece, count)
        return count

    def _follow(self, piece: memoryview, count: int) -> None:
        if self._have < _HEAD:
            self._head[self._have : self._have + count] = piece
            self._have += count
            if self._have < _HEAD:
                return
            self._left = self._head[3] << 8 | self._head[4]
        else:
            self._left -= count
        if not self._left:
            self._have = 0
            self.finished = self.finished or (self._switched and self._head[0] == _HANDSHAKE)
            self._switched = self._switched or self._head[0] == _SWITCH

    def write(self, data: bytes) -> int:
        self.out.extend(data)
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        return 0


class _Mbed(Engine):
    """mbedtls."""

    def __init__(self, context: "tls.SSLContext", host: str) -> None:
        super().__init__()
        self._pipe = _Pipe(self.out)
        self._room = bytearray(_PLAIN_MAX)
        self._socket = context.wrap_socket(self._pipe, do_handshake_on_connect=False, server_hostname=host)
        self._first: "bytes | None" = None  # what came with the end of the handshake

    def hungry(self) -> bool:
        return self._pipe.hungry()

    def feed(self, data: bytes) -> None:
        self._pipe.feed(data)

    def step(self) -> None:
        self._first = self._take("handshake")
        self.done = self._pipe.finished

    def read(self) -> "bytes | None":
        first, self._first = self._first, None
        return first or self._take("record")

    def _take(self, where: str) -> "bytes | None":
        self._pipe.allowed = True
        try:
            count = self._socket.readinto(self._room)
        except (OSError, ValueError) as error:
            raise TLSError(reason(where, error))
        return None if count is None else bytes(memoryview(self._room)[:count])

    def write(self, data: bytes) -> None:
        try:
            count = self._socket.write(data)
        except (OSError, ValueError) as error:
            raise TLSError(reason("record", error))
        if count != len(data):
            raise TLSError("record: not taken")

    def close(self) -> None:
        self._socket.close()


class _OpenSSL(Engine):
    """CPython's."""

    def __init__(self, context: "ssl.SSLContext", host: str) -> None:
        super().__init__()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)

    def hungry(self) -> bool:
        return True  # each call works through all that there is

    def feed(self, data: bytes) -> None:
        self._in.write(data)

    def step(self) -> None:
        if self._call("handshake", self._object.do_handshake) is not self:
            self.done = True

    def read(self) -> "bytes | None":
        piece = self._call("record", lambda: self._object.read(_PLAIN_MAX))
        return piece if isinstance(piece, bytes) else None

    def write(self, data: bytes) -> None:
        self._call("record", lambda: self._object.write(data))

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


class Trust:
    """The roots (DER), read once. One that cannot be read is left out; with none at all every server is refused."""

    def __init__(self, roots: "list[bytes]") -> None:
        self.count = 0
        self._context = _openssl() if tls is None else _mbed()
        for root in roots:  # a call adds to those before; two certificates in one call would lose the second
            try:
                if tls is None:
                    self._context.load_verify_locations(cadata=root)
                else:
                    self._context.load_verify_locations(root)
                self.count += 1
            except (OSError, ValueError):
                pass  # the terminal must start, and the other root may do

    def connect(self, host: str) -> Engine:
        """The engine of a new connection to the server that must be `host`, a name or an address."""
        if not self.count:
            raise TLSError("certificate: no roots")
        if not host:
            raise TLSError("host: none given")
        try:
            return _OpenSSL(self._context, host) if tls is None else _Mbed(self._context, host)
        except (OSError, ValueError) as error:
            raise TLSError(reason("handshake", error))


def _mbed() -> "tls.SSLContext":
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    offered = context.get_ciphers()
    context.set_ciphers([suite for suite in _SUITES if suite in offered])
    return context


def _openssl() -> "ssl.SSLContext":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES_OPENSSL)
    return context


def reason(where: str, error: Exception) -> str:
    """The library's error in our words. Both name what is wrong with a certificate by a ValueError."""
    text = str(error)
    if not isinstance(error, ValueError):
        return where + ": " + (str(error.args[1]) if len(error.args) > 1 else text)[:_TEXT_MAX]
    for word, why in (
        ("signed", "certificate: not of our roots"),
        ("issuer", "certificate: not of our roots"),
        ("expired", "certificate: expired"),
        ("future", "certificate: not yet valid"),
        ("not yet", "certificate: not yet valid"),
        ("match", "host: not in the certificate"),
    ):
        if word in text:
            return why
    return "certificate: refused"
