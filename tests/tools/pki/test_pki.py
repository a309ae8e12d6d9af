"""`onekey pki`: what it makes, what it refuses, and that a rotation never cuts a terminal off."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from firmware import BUILD_EPOCH
from firmware.net import roots as terminal_roots
from tools.pki import app, store
from tools.pki.issue import BACKDATED

ONEKEY = str(Path(sys.executable).with_name("onekey"))
WORD = "an invented passphrase"


class Bench:
    """An authority and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pki"
        self.word = folder / "word"
        self.word.write_text(WORD + "\n")

    def do(self, command: str, *words: object) -> dict[str, Any]:
        """What a command said with --json."""
        done = self.run(command, *words, "--json")
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    def refused(self, command: str, *words: object) -> str:
        """Its one line."""
        done = self.run(command, *words)
        assert done.exit_code == 1
        assert not done.stdout
        assert len(done.stderr.splitlines()) == 1
        return str(done.stderr)

    def run(self, command: str, *words: object) -> Any:
        own = ["--folder", self.folder]
        if command in ("init", "server", "rotate"):
            own += ["--passphrase-file", self.word]
        return CliRunner().invoke(app, [command, *map(str, own), *map(str, words)])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    one = Bench(tmp_path)
    one.do("init")
    return one


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_two_roots_with_sealed_keys_that_only_their_owner_reads(bench: Bench) -> None:
    """The passphrase opens them, another does not."""
    assert [one["role"] for one in bench.do("show")["roots"]] == ["current", "next"]
    keys = list(bench.folder.glob("*.key"))
    assert len(keys) == 2
    for path in keys:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"ENCRYPTED" in path.read_bytes()
        serialization.load_pem_private_key(path.read_bytes(), WORD.encode())
    bench.word.write_text("another passphrase\n")
    assert "does not open" in bench.refused("server", "--host", "h", "--out", bench.folder / "s")
    bench.word.write_text("short\n")
    assert "12 characters" in bench.refused("rotate")


def test_nothing_is_ever_overwritten(bench: Bench, tmp_path: Path) -> None:
    """Neither an authority nor a server's key."""
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    assert "already" in bench.refused("init")
    bench.do("server", "--host", "h", "--out", tmp_path / "s")
    key = (tmp_path / "s" / "server.key").read_bytes()
    assert "already" in bench.refused("server", "--host", "h", "--out", tmp_path / "s")
    assert (tmp_path / "s" / "server.key").read_bytes() == key
    assert {path: path.read_bytes() for path in bench.folder.iterdir()} == before


def test_a_servers_certificate_is_small_and_says_what_a_terminal_checks(bench: Bench, tmp_path: Path) -> None:
    """Names and addresses, a year from now; it begins with its root, so before every build that trusts it."""
    said = bench.do("server", "--host", "mqtt.example", "--host", "10.0.0.7", "--out", tmp_path / "s")
    one = load(tmp_path / "s" / "server.crt")
    names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]
    assert one.not_valid_before_utc == load(bench.folder / f"{said['root']}.crt").not_valid_before_utc
    assert abs(one.not_valid_after_utc - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=5)
    assert said["der_bytes"] <= 400
    key = tmp_path / "s" / "server.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert loaded.public_key().public_bytes(*der) == one.public_key().public_bytes(*der)


def test_openssl_accepts_the_chain(bench: Bench, tmp_path: Path) -> None:
    """Strictly, as clients other than the terminal would."""
    bench.do("server", "--host", "mqtt.example", "--out", tmp_path / "s")
    bench.do("export", "--pem", "--out", tmp_path / "e")
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "mqtt.example"]
    command += ["-CAfile", str(tmp_path / "e" / "roots.pem"), str(tmp_path / "s" / "server.crt")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr.decode()


def test_what_is_no_host_or_lasts_too_long_is_refused(bench: Bench, tmp_path: Path) -> None:
    """Before a file is written."""
    for host in ("bad_host", "", "-a.example", "a..b", "a b", "值班", "x" * 70):
        assert "neither a host name" in bench.refused("server", "--host", host, "--out", tmp_path / "s")
    assert "rotate first" in bench.refused("server", "--host", "h", "--out", tmp_path / "s", "--days", "9000")
    assert "a day at least" in bench.refused("server", "--host", "h", "--out", tmp_path / "s", "--days", "0")
    assert not (tmp_path / "s").exists()


def test_after_a_rotation_what_terminals_hold_is_enough_and_the_old_key_is_gone(bench: Bench, tmp_path: Path) -> None:
    """The next root signs; the fleet's new next is to be sent out; the retired certificate stays for the record."""
    before = bench.do("show")
    after = bench.do("rotate")
    roles = [one["role"] for one in after["roots"]]
    assert roles == ["current", "next", "retired"]
    assert after["roots"][0] == before["roots"][1] | {"role": "current"}
    assert after["terminals_hold"] == [one["fingerprint"] for one in after["roots"][:2]]
    assert bench.do("server", "--host", "h", "--out", tmp_path / "s")["root"] == before["roots"][1]["number"]
    retired = before["roots"][0]["number"]
    assert not (bench.folder / f"{retired}.key").exists()
    assert (bench.folder / f"{retired}.crt").exists()


def test_a_second_rotation_too_soon_is_refused_unless_it_is_insisted_on(bench: Bench) -> None:
    """Terminals that were not yet given the new next would be cut off."""
    first = bench.do("rotate")
    assert "would be cut off" in bench.refused("rotate")
    assert bench.do("show") == first
    assert len(bench.do("rotate", "--early")["roots"]) == 4


def test_a_rotation_that_was_cut_leaves_the_authority_as_it_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new files are there and count for nothing."""
    before = bench.do("show")

    def cut(_folder: Path, _index: store.Index) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "save_index", cut)
        assert bench.run("rotate").exit_code != 0
    assert bench.do("show") == before
    bench.do("rotate")


def test_the_export_is_what_a_terminal_reads(bench: Bench, tmp_path: Path) -> None:
    """Both roots, current first, in one file and each alone."""
    bench.do("export", "--der", "--out", tmp_path / "e")
    both = terminal_roots.split((tmp_path / "e" / "roots.der").read_bytes())
    assert both == [(tmp_path / "e" / f"{name}.der").read_bytes() for name in ("current", "next")]
    assert [x509.load_der_x509_certificate(one).subject.rfc4514_string() for one in both] == [
        "CN=" + one["subject"] for one in bench.do("show")["roots"]
    ]


def test_a_root_begins_a_day_back_so_that_a_clock_behind_ours_accepts_it(bench: Bench) -> None:
    """And an image that is built afterwards is younger than what it trusts."""
    begin = datetime.fromisoformat(bench.do("show")["roots"][0]["from"])
    assert timedelta() <= datetime.now(UTC) - BACKDATED - begin < timedelta(minutes=5)
    assert BUILD_EPOCH > 0


def test_a_folder_without_an_authority_and_a_spoilt_one_are_told_in_a_line(tmp_path: Path) -> None:
    """No traceback."""
    bench = Bench(tmp_path)
    assert "onekey pki init" in bench.refused("show")
    bench.folder.mkdir()
    (bench.folder / store.INDEX).write_text("{}")
    assert "cannot be read" in bench.refused("show")
    bench.word.unlink()
    assert "passphrase file" in bench.refused("rotate")


def test_the_command_is_in_the_table() -> None:
    """`onekey pki` as people type it."""
    done = subprocess.run([ONEKEY, "pki", "--help"], capture_output=True, check=False, timeout=30)
    assert done.returncode == 0
    assert all(name.encode() in done.stdout for name in ("init", "server", "rotate", "export", "show"))
