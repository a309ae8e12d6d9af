"""The authority's folder: certificates and sealed keys by number, and `pki.json`, which says what each of them is.

In: a folder and a passphrase. Out: roots. A change is new files first, then `pki.json` renamed into place: a cut at any
moment leaves the authority as it was or as it should be.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools.pki.issue import PkiError

INDEX = "pki.json"
PASSPHRASE_MIN = 12  # characters; PKCS 8 stretches it, but only a little
PRIVATE = 0o600


@dataclass(frozen=True)
class Index:
    """Numbers of the roots: that which signs, that which will, and those that did."""

    current: str
    next: str
    retired: tuple[str, ...] = ()


def passphrase(path: Path) -> bytes:
    """The first line of a file."""
    try:
        word = path.read_bytes().split(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise PkiError(f"cannot read the passphrase file: {error.strerror}") from None
    if len(word) < PASSPHRASE_MIN:
        raise PkiError(f"a passphrase has {PASSPHRASE_MIN} characters at least")
    return word


def load_index(folder: Path) -> Index:
    """Which root is which."""
    try:
        found = json.loads((folder / INDEX).read_text())
        return Index(str(found["current"]), str(found["next"]), tuple(map(str, found["retired"])))
    except FileNotFoundError:
        raise PkiError(f"{folder} holds no authority; begin with: onekey pki init") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise PkiError(f"{folder / INDEX} cannot be read") from None


def save_index(folder: Path, index: Index) -> None:
    """Written beside and renamed over."""
    fresh = folder / (INDEX + ".new")
    text = json.dumps({"current": index.current, "next": index.next, "retired": list(index.retired)}, indent=1)
    fresh.write_text(text + "\n")
    fresh.replace(folder / INDEX)


def certificate(folder: Path, number: str) -> x509.Certificate:
    """One root's certificate."""
    path = folder / f"{number}.crt"
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise PkiError(f"{path} cannot be read") from None


def private_key(folder: Path, number: str, word: bytes) -> ec.EllipticCurvePrivateKey:
    """One root's key."""
    path = folder / f"{number}.key"
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), word)
    except OSError as error:
        raise PkiError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise PkiError(f"the passphrase does not open {path}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{path} is no key of this authority")
    return key


def add(folder: Path, root: x509.Certificate, key: ec.EllipticCurvePrivateKey, word: bytes) -> str:
    """Store a new root; its number. It counts from when the index names it."""
    number = f"{root.serial_number:016x}"
    write_new(folder / f"{number}.key", sealed(key, word), PRIVATE)
    write_new(folder / f"{number}.crt", pem(root))
    return number


def sealed(key: ec.EllipticCurvePrivateKey, word: bytes | None) -> bytes:
    """PKCS 8 in PEM, encrypted if there is a passphrase."""
    how = serialization.BestAvailableEncryption(word) if word else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def pem(one: x509.Certificate) -> bytes:
    """As brokers read it."""
    return one.public_bytes(serialization.Encoding.PEM)


def der(one: x509.Certificate) -> bytes:
    """As terminals read it."""
    return one.public_bytes(serialization.Encoding.DER)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file that must not be there yet; nobody else sees it half-written or with wider permissions."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise PkiError(f"{path} is there already; nothing was changed") from None
    except OSError as error:
        raise PkiError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
