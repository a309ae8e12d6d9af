"""Which server is next: the configured one, now and then the factory's, and always over TLS where roots were given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firmware.main import Terminal
from firmware.net.tls import TLSStream
from tests.firmware.app import bench

if TYPE_CHECKING:
    from pathlib import Path

FACTORY = ("h", 1883)


def terminal(folder: Path, roots: list[bytes] | None = None) -> Terminal:
    board: Any = bench.Bare(folder)
    return Terminal(board, bench.DEVICE, "h:1883", b"", roots)


async def test_every_fifth_try_goes_to_the_factory_and_a_new_configuration_begins_anew(tmp_path: Path) -> None:
    """A configuration may have cut us off, and one that repairs it must count at once."""
    one = terminal(tmp_path)
    one.config.fields["srv"] = "new.example:8883"
    one._where()
    tried = []
    for one.link.misses in range(5):
        tried.append(one._where()[:2])
    assert tried == [("new.example", 8883)] * 4 + [FACTORY]
    one.config.fields["srv"] = "repaired.example:8883"
    assert one._where()[:2] == ("repaired.example", 8883)
    assert one.link.misses == 0


async def test_a_board_has_no_plain_line_whatever_it_holds(tmp_path: Path) -> None:
    """An empty list of roots is a line to nobody; spoilt ones do not keep the terminal from starting."""
    for roots in ([], [b"\x30\x82\x00\x04abcd"]):
        stream = terminal(tmp_path, roots).link.stream
        assert isinstance(stream, TLSStream)
        assert stream._trust.count == 0


async def test_the_networks_time_reaches_the_board_and_a_refused_certificate_gets_another_chance(
    tmp_path: Path,
) -> None:
    """The date of the build may have been too early for it."""
    one = terminal(tmp_path)
    told: list[int] = []
    one.dates._set_time = told.append
    one.link.refusal = "certificate"
    assert not one._on_time(5)  # no true time
    assert (told, one.link._kicked.is_set()) == ([], False)
    assert one._on_time(1_800_000_000)
    assert (told, one.link._kicked.is_set()) == ([1_800_000_000], True)


async def test_who_refused_is_told_once(tmp_path: Path) -> None:
    """With its name as `txt`, until a server accepts us."""
    one = terminal(tmp_path)
    one.link.refusal = "handshake"
    one._on_down("handshake: closed")
    one._on_down("handshake: closed")
    assert len([1 for line in one.outbox.dump_lines() if "server_refused" in str(line)]) == 1
