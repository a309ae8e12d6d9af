"""A bench's identities: each for one board, written before it is used, gone once it is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.stock import record
from tests.cloud.stock.parts import acceptance, provisioned
from tests.tools.provision.test_on_a_board import KEY, made
from tools.board.texts import BenchError
from tools.provision import records, reservation
from tools.provision.errors import TEXTS, ProvisionError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)


def load(folder: Path, content: Any) -> int:
    file = folder.parent / "file"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return reservation.load(folder, file)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    folder.mkdir()
    assert load(folder, made(range(1, 21))) == 20
    return folder


def test_twenty_boards_at_once_get_twenty_identities(bench: Path) -> None:
    """And asked again, each gets its own; the twenty-first is refused."""
    macs = [f"24:6f:28:00:00:{number:02x}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        first = [each.device_id for each in pool.map(lambda mac: reservation.take(bench, mac), macs)]
        again = [each.device_id for each in pool.map(lambda mac: reservation.take(bench, mac), macs)]
    assert len(set(first)) == 20
    assert first == again
    with pytest.raises(ProvisionError) as caught:
        reservation.take(bench, "24:6f:28:00:00:ff")
    assert caught.value.name == "used_up"


def test_a_file_that_is_loaded_twice_brings_no_password_back(bench: Path) -> None:
    """What a board has, nobody else has."""
    reservation.take(bench, "24:6f:28:00:00:01")
    reservation.wipe(bench, "XC000001")
    assert load(bench, made(range(1, 22), key=None)) == 20
    found = reservation.find(bench, "24:6f:28:00:00:01")
    assert found is not None
    assert found.password is None
    assert "secret-of-1-" not in (bench / reservation.FILE).read_text()


def test_a_card_is_in_one_board(bench: Path) -> None:
    """Found at the bench, not at the merge weeks later."""
    reservation.take(bench, "24:6f:28:00:00:01", iccid="1" * 20)
    with pytest.raises(ProvisionError) as caught:
        reservation.take(bench, "24:6f:28:00:00:02", iccid="1" * 20)
    assert caught.value.name == "sim_used"
    assert reservation.free(bench) == 19


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", json.dumps(made(v=2)), json.dumps(made(proof_key="zz")), json.dumps(made(roots=["x"])),
     json.dumps(made(config={"ver": 1}))],
)  # fmt: skip
def test_what_is_no_reservation_changes_nothing_and_stays_where_it_is(bench: Path, content: str) -> None:
    """It may hold somebody's passwords all the same."""
    before = (bench / reservation.FILE).read_bytes()
    with pytest.raises(ProvisionError) as caught:
        load(bench, content)
    assert caught.value.name == "bad_reservation"
    assert "secret" not in caught.value.line
    assert (bench / reservation.FILE).read_bytes() == before
    assert (bench.parent / "file").exists()


def test_another_benchs_file_is_refused(bench: Path) -> None:
    """Its records would be signed by the wrong key."""
    with pytest.raises(ProvisionError) as caught:
        load(bench, made(bench="B02"))
    assert caught.value.name == "other_bench"


def test_half_a_line_at_the_end_never_counted(bench: Path) -> None:
    """The power went while it was written; the chain goes on over its place."""
    fields = [provisioned(f"XC{number:06d}", number) for number in (1, 2)]
    assert records.say(bench, fields[0], NOW) == 1
    whole = (bench / records.FILE).read_bytes()
    assert records.say(bench, fields[1], NOW) == 2
    both = (bench / records.FILE).read_bytes()
    for cut in range(len(whole), len(both)):
        (bench / records.FILE).write_bytes(both[:cut])
        assert records.say(bench, fields[1], NOW) == 2
        assert (bench / records.FILE).read_bytes() == both
    assert records.say(bench, fields[0], NOW) == 1
    first, second = both.decode().splitlines()
    assert record.parse(second)["prev"] == record.line_hash(first)
    record.verify(record.parse(second), KEY.public_key().public_bytes_raw())


def test_every_test_is_said_with_its_own_date(bench: Path) -> None:
    """The same verdict on another day is another test; the same identity is not said twice."""
    made_now, tested = ({**fields, "device": "XC000001"} for fields in (provisioned("", 1), acceptance("", 1)))
    days = [NOW, NOW + timedelta(days=1)]
    assert [records.say(bench, made_now, day) for day in days] == [1, 1]
    assert [records.say(bench, tested, day) for day in days] == [2, 3]


def test_a_machine_whose_clock_is_behind_its_reservation_is_refused(bench: Path) -> None:
    """What it signs would be older than what happened to the terminal before."""
    load(bench, made(range(21, 22), made_at=record.stamp(NOW)))
    reservation.check_clock(bench, NOW)
    with pytest.raises(BenchError) as caught:
        reservation.check_clock(bench, NOW - timedelta(days=1))
    assert "本机时间" in caught.value.line


def test_a_file_that_cannot_be_destroyed_is_told_and_is_loaded(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick that is write-protected."""

    def refuse(_file: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reservation, "_destroy", refuse)
    with pytest.raises(BenchError) as caught:
        load(bench, made(range(21, 23)))
    assert "请销毁" in caught.value.line
    assert reservation.free(bench) == 22


def test_every_refusal_has_an_exit_code_of_its_own() -> None:
    """Scripts tell them apart."""
    assert len({code for code, _, _ in TEXTS.values()}) == len(TEXTS)
