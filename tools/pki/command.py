"""The commands of `onekey pki`: init, server, rotate, export, show.

In: the command line; the passphrase comes in a file, never as an argument. Out: files, and what was done as text or as
one JSON object. Must never overwrite a key or a certificate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509

from tools.pki import issue, store
from tools.pki.issue import PkiError

app = typer.Typer(no_args_is_help=True, add_completion=False)

# A fleet takes its new `next` with an update, and not every terminal is on the line every week.
ROTATE_AFTER = timedelta(days=180)

Folder = Annotated[Path, typer.Option(help="The authority's folder.")]
Passphrase = Annotated[Path, typer.Option(help="File; its first line opens the private keys.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
HERE = Path("pki")


@app.callback()
def _pki() -> None:
    """Our own certificate authority: two roots, certificates for brokers, roots for terminals."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except PkiError as error:
        typer.echo(f"onekey pki: {error}", err=True)
        raise typer.Exit(1) from None


def _say(as_json: bool, fields: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(fields) if as_json else text)


@app.command()
def init(
    *,
    passphrase_file: Passphrase,
    folder: Folder = HERE,
    name: Annotated[str, typer.Option(help="Common name of the roots; a number follows.")] = "OneKeyCall",
    as_json: Json = False,
) -> None:
    """Make two roots: the one that signs now, and the one that will after a rotation."""
    with _told():
        word = store.passphrase(passphrase_file)
        if (folder / store.INDEX).exists():
            raise PkiError(f"{folder} holds an authority already; nothing was changed")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        index = store.Index(_new_root(folder, name, word), _new_root(folder, name, word))
        store.save_index(folder, index)
        _say(as_json, _facts(folder), _table(folder))


def _new_root(folder: Path, name: str, word: bytes) -> str:
    key = issue.new_key()
    # Two roots of one name would be told apart by trying both signatures.
    draft = issue.root(f"{name} {key.public_key().public_numbers().x % 16**6:06x}", key, datetime.now(UTC))
    return store.add(folder, draft, key, word)


@app.command()
def server(
    *,
    host: Annotated[list[str], typer.Option(help="Name or address under which terminals reach it; several times.")],
    out: Annotated[Path, typer.Option(help="Folder for server.crt and server.key.")],
    passphrase_file: Passphrase,
    folder: Folder = HERE,
    days: Annotated[int, typer.Option(help="How long it lasts.")] = issue.SERVER_DAYS,
    by_next: Annotated[bool, typer.Option("--by-next", help="Sign by the next root, to try it before it counts.")] = (
        False
    ),
    as_json: Json = False,
) -> None:
    """A certificate and key for a broker. The roots stay here: terminals hold them, so they never go over the air."""
    with _told():
        word, index = store.passphrase(passphrase_file), store.load_index(folder)
        number = index.next if by_next else index.current
        key = issue.new_key()
        issuer_key = store.private_key(folder, number, word)
        one = issue.server(host, key, store.certificate(folder, number), issuer_key, now=datetime.now(UTC), days=days)
        out.mkdir(parents=True, exist_ok=True)
        certificate, secret = out / "server.crt", out / "server.key"
        if certificate.exists():
            raise PkiError(f"{certificate} is there already; nothing was changed")
        store.write_new(secret, store.sealed(key, None), store.PRIVATE)  # open: a broker starts without a person
        store.write_new(certificate, store.pem(one))
        fields = _fact(one) | {"hosts": host, "certificate": str(certificate), "key": str(secret), "root": number}
        _say(as_json, fields, f"{certificate} and {secret} for {', '.join(host)}, until {fields['until']}")


@app.command()
def rotate(
    *,
    passphrase_file: Passphrase,
    folder: Folder = HERE,
    early: Annotated[bool, typer.Option("--early", help="Although the fleet may not hold the next root yet.")] = False,
    as_json: Json = False,
) -> None:
    """The next root becomes the current one, a new next is made, the old key is destroyed.

    Terminals hold both, so they accept servers of the new current at once; they must be given the new next before the
    rotation after this one.
    """
    with _told():
        word, index = store.passphrase(passphrase_file), store.load_index(folder)
        store.private_key(folder, index.next, word)  # a passphrase that does not open it must change nothing
        coming = store.certificate(folder, index.next)
        age = datetime.now(UTC) - coming.not_valid_before_utc
        if index.retired and age < ROTATE_AFTER and not early:
            raise PkiError(
                f"the next root is {age.days} days old and terminals without it would be cut off; wait until it is "
                f"{ROTATE_AFTER.days} days old, or, if every terminal holds it, say --early"
            )
        name = _name(coming).rpartition(" ")[0]
        fresh = store.Index(index.next, _new_root(folder, name, word), (*index.retired, index.current))
        store.save_index(folder, fresh)
        (folder / f"{index.current}.key").unlink(missing_ok=True)
        then = (
            "Now every broker needs a new certificate (onekey pki server), and after that every terminal the new roots."
        )
        _say(as_json, _facts(folder), f"{_table(folder)}\n{then}")


@app.command()
def export(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    folder: Folder = HERE,
    der: Annotated[bool, typer.Option("--der/--pem", help="DER for terminals, PEM for other clients.")] = True,
    as_json: Json = False,
) -> None:
    """The roots that the fleet must hold: each alone, and both in one file `roots` (what --ca takes)."""
    with _told():
        index = store.load_index(folder)
        encode, suffix = (store.der, "der") if der else (store.pem, "pem")
        pieces = {
            "current": encode(store.certificate(folder, index.current)),
            "next": encode(store.certificate(folder, index.next)),
        }
        pieces["roots"] = pieces["current"] + pieces["next"]
        out.mkdir(parents=True, exist_ok=True)
        written = {name: out / f"{name}.{suffix}" for name in pieces}
        for name, data in pieces.items():
            written[name].write_bytes(data)  # public, and made again from the same roots at any time
        fields = {name: str(path) for name, path in written.items()}
        _say(as_json, fields, "\n".join(fields.values()))


@app.command()
def show(*, folder: Folder = HERE, as_json: Json = False) -> None:
    """Subjects, dates and fingerprints, and which roots the fleet must hold."""
    with _told():
        _say(as_json, _facts(folder), _table(folder))


def _facts(folder: Path) -> dict[str, Any]:
    index = store.load_index(folder)
    roles = [("current", index.current), ("next", index.next), *(("retired", number) for number in index.retired)]
    roots = [{"role": role, "number": n, **_fact(store.certificate(folder, n))} for role, n in roles]
    hold = [one["fingerprint"] for one in roots if one["role"] != "retired"]
    return {"folder": str(folder), "roots": roots, "terminals_hold": hold}


def _fact(one: x509.Certificate) -> dict[str, Any]:
    return {
        "subject": _name(one),
        "from": f"{one.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{one.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        "fingerprint": issue.fingerprint(one),
        "der_bytes": len(store.der(one)),
    }


def _name(one: x509.Certificate) -> str:
    return str(one.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def _table(folder: Path) -> str:
    facts = _facts(folder)
    lines = [
        f"{one['role']:<8} {one['subject']}  {one['from'][:10]} to {one['until'][:10]}\n"
        f"         sha256 {one['fingerprint']}"
        for one in facts["roots"]
    ]
    return "\n".join([*lines, "", "Terminals must hold current and next: onekey pki export --der"])
