"""Certificates of the authority: what stands in a root and in a server's certificate. Pure but for drawing keys.

In: names, dates, keys. Out: keys and certificates. Small on purpose: each handshake of 50,000 terminals carries one.
"""

from __future__ import annotations

import ipaddress
import secrets
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_YEARS = 20  # longer than a terminal hangs on a wall
SERVER_DAYS = 365
BACKDATED = timedelta(days=1)  # for clocks that are a little behind
NAME_MAX = 64  # of a common name
HOSTS_MAX = 4  # each adds to every handshake


class PkiError(Exception):
    """Something that was asked for cannot be done; the text says what."""


def new_key() -> ec.EllipticCurvePrivateKey:
    """P-256: what mbedtls on the chip works through in a tenth of a second."""
    return ec.generate_private_key(ec.SECP256R1())


def root(name: str, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """A root that signs servers and nothing below them."""
    if not 0 < len(name) <= NAME_MAX:
        raise PkiError(f"a root's name has 1 to {NAME_MAX} characters")
    subject = _name(name)
    begin = now.astimezone(UTC).replace(microsecond=0) - BACKDATED
    return (
        _begun(subject, subject, key, begin, begin + timedelta(days=365 * ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def server(
    hosts: list[str],
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
    days: int = SERVER_DAYS,
) -> x509.Certificate:
    """A broker's certificate. It begins when its root began.

    A terminal whose clock was never set believes the date of its build, which lies after that of its roots, and must
    not find a certificate of tomorrow.
    """
    if not 0 < len(hosts) <= HOSTS_MAX:
        raise PkiError(f"name 1 to {HOSTS_MAX} hosts")
    if days < 1:
        raise PkiError("a certificate lasts a day at least")
    end = now.astimezone(UTC).replace(microsecond=0) + timedelta(days=days)
    if end > issuer.not_valid_after_utc:
        raise PkiError(f"the root ends on {issuer.not_valid_after_utc:%Y-%m-%d}: rotate first, or say fewer --days")
    names = [_host(host) for host in hosts]
    return (
        _begun(_name(hosts[0][:NAME_MAX]), issuer.subject, key, issuer.not_valid_before_utc, end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    serial = secrets.randbits(63) | 1 << 62  # eight bytes
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), serial).not_valid_before(begin).not_valid_after(end)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    labels = text.split(".")
    if not text.isascii() or len(text) > NAME_MAX or not all(_is_label(label) for label in labels):
        raise PkiError(f"{text!r} is neither a host name nor an address")
    return x509.DNSName(text)


def _is_label(label: str) -> bool:
    inner = label.replace("-", "")
    return 0 < len(label) <= 63 and inner.isalnum() and not label.startswith("-") and not label.endswith("-")


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs_certificates, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
