"""Personal data at rest: in: text or bytes, out: sealed bytes, or a keyed hash by which they can be found.

AES-256-GCM with a fresh nonce each time; look-up by HMAC-SHA256. What others seal for us comes by HPKE (RFC 9180) to
our public key. All keys are derived from the one in the settings. Never logs, and an error never says what was inside.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12  # what GCM is made for
VERSION = b"\x01"  # first byte of a blob: another suite gets another number
_SENT = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealBroken(Exception):  # noqa: N818
    """The blob was not sealed by this key, or was altered."""


class Box:
    """Seals and opens with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the data key must have {KEY_BYTES} bytes")
        self._cipher = AESGCM(_derive(key, b"okc seal"))
        self._digest_key = _derive(key, b"okc digest")
        self._sent_key = X25519PrivateKey.from_private_bytes(_derive(key, b"okc sent"))

    def seal(self, text: str) -> bytes:
        """The text, unreadable without the key."""
        return self.seal_bytes(text.encode())

    def open(self, blob: bytes) -> str:
        """The text of `seal`. Raises SealBroken."""
        return self.open_bytes(blob).decode()

    def seal_bytes(self, data: bytes) -> bytes:
        """As `seal`, for bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, data, VERSION)

    def open_bytes(self, blob: bytes) -> bytes:
        """As `open`, for bytes."""
        if blob[:1] != VERSION:
            raise SealBroken
        nonce, body = blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, VERSION)
        except (InvalidTag, ValueError):
            raise SealBroken from None

    def digest(self, text: str) -> bytes:
        """The same 32 bytes for the same text; cannot be guessed from outside without the key."""
        return self.digest_bytes(text.encode())

    def digest_bytes(self, data: bytes) -> bytes:
        """As `digest`, for bytes."""
        return hmac.new(self._digest_key, data, hashlib.sha256).digest()

    def public_key(self) -> bytes:
        """What `seal_for` takes: whoever has it can seal for us and open nothing."""
        return self._sent_key.public_key().public_bytes_raw()

    def open_sent(self, blob: bytes, about: bytes) -> bytes:
        """What `seal_for` sealed with the same `about`. Raises SealBroken."""
        if blob[:1] != VERSION:
            raise SealBroken
        try:
            return _SENT.decrypt(blob[1:], self._sent_key, VERSION + about)
        except (InvalidTag, ValueError):
            raise SealBroken from None


def seal_for(public_key: bytes, data: bytes, about: bytes) -> bytes:
    """Bytes that only the owner of the key can open, and only as what they are said to be (`about`)."""
    return VERSION + _SENT.encrypt(data, X25519PublicKey.from_public_bytes(public_key), VERSION + about)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(key)
