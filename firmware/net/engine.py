"""The cryptography of one TLS connection, without its input and output: mbedtls; openssl.py has CPython's.

In: roots, the host's name, bytes of the line and of the user. Out: bytes for both. TLS 1.2 with ECDHE and AES-GCM only.
Must never accept a server without a valid chain to one of our roots and its own name in the certificate, and never
work through more than one record in one call: a record is one step of cryptography, and the keys wait meanwhile.
"""

import io

from protocol import const

try:
    import tls  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    tls = None  # not MicroPython

_PLAIN_MAX = const(512)  # bytes that one read gives
_HEAD = const(5)  # bytes before each record: type, version, length
_SWITCH = const(20)  # types of records
_HANDSHAKE = const(22)
# 29 bytes around each record, so that a PUBLISH of 480 bytes fits one send of 512; nothing else is offered.
_SUITES = const(("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"))
_TEXT_MAX = const(48)


class TLSError(OSError):
    """The connection is not to be used; the text begins with certificate, host, handshake or record."""


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
        if self.hungry():
            self.feed(b"")  # what has been read is let go: the next bytes may be long in coming
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


class Engine:
    """One connection. `out` holds bytes for the line; `take` them."""

    def __init__(self, context: "tls.SSLContext", host: str) -> None:
        self.done = False  # the server is who it says, and data may flow
        self.out = bytearray()
        self._pipe = _Pipe(self.out)
        self._room = bytearray(_PLAIN_MAX)
        self._socket = context.wrap_socket(self._pipe, do_handshake_on_connect=False, server_hostname=host)
        self._first: "bytes | None" = None  # what came with the end of the handshake

    def hungry(self) -> bool:
        """Whether a further step needs bytes of the line."""
        return self._pipe.hungry()

    def feed(self, data: bytes) -> bool:
        """Bytes of the line; only when hungry. False for none, which is its end."""
        self._pipe.feed(data)
        return bool(data)

    def take(self) -> bytes:
        """What is due for the line; it is the caller's from here on, and not copied: a record is half a kilobyte."""
        out: bytes = self.out  # type: ignore[assignment]  # nobody changes it any more
        self.out = self._pipe.out = bytearray()
        return out

    def step(self) -> None:
        """Go on with the handshake. Raises TLSError."""
        self._first = self._take("handshake")
        self.done = self._pipe.finished

    def read(self) -> "bytes | None":
        """Some bytes for the user, b"" if the server said good-bye, None if there are none yet. Raises TLSError."""
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
        """Take bytes of the user. Raises TLSError."""
        try:
            count = self._socket.write(data)
        except (OSError, ValueError) as error:
            raise TLSError(reason("record", error))
        if count != len(data):
            raise TLSError("record: not taken")

    def close(self) -> None:
        """Give the memory back."""
        self._socket.close()


class Trust:
    """The roots (DER), read once. One that cannot be read is left out; with none at all every server is refused."""

    def __init__(self, roots: "list[bytes]") -> None:
        self.count = 0
        self.context = self._make()
        for root in roots:  # a call adds to those before; two certificates in one call would lose the second
            try:
                self._load(root)
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
            return self._engine(host)
        except (OSError, ValueError) as error:
            raise TLSError(reason("handshake", error))

    # What another library does otherwise.

    def _make(self) -> "tls.SSLContext":
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED
        offered = context.get_ciphers()
        context.set_ciphers([suite for suite in _SUITES if suite in offered])
        return context

    def _load(self, root: bytes) -> None:
        self.context.load_verify_locations(root)

    def _engine(self, host: str) -> Engine:
        return Engine(self.context, host)


def trust(roots: "list[bytes]") -> Trust:
    """With the library that is there."""
    if tls is None:
        from firmware.net import openssl  # noqa: PLC0415 - tests only: no image has it

        return openssl.OpenTrust(roots)
    return Trust(roots)


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
