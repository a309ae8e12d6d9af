"""What benches signed without a network becomes the registry: once, verified, and every refusal explained."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.billing import store as billing_store
from cloud.devices import actions as devices_actions
from cloud.devices import store as devices_store
from cloud.stats import store as stats_store
from cloud.stock import actions, record, store
from cloud.web.desks import store as desks_store
from tests.cloud.stock.parts import BOX, NOW, Bench, acceptance, bench, column, iccid, provisioned

if TYPE_CHECKING:
    from cloud.db import Conn


async def results(conn: Conn, lines: list[str]) -> list[str]:
    outcomes, _gaps = await actions.merge(conn, lines, NOW)
    return [each.result for each in outcomes]


async def why(conn: Conn, line: str) -> str:
    ((outcome,), _gaps) = await actions.merge(conn, [line], NOW)
    assert outcome.result == "refused"
    return outcome.reason


async def test_a_provisioned_and_tested_board_becomes_stock_with_the_number_of_its_card(conn: Conn) -> None:
    """The phone number comes from the SIM stock, by the ICCID that the board's modem told."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1))
    b01.sign(acceptance(b01.ids[0], 1))
    assert await results(conn, b01.lines) == ["merged", "merged"]
    device = await devices_store.find_by_msisdn(conn, BOX.digest("13800000001"))
    assert device is not None
    assert (device.device_id, device.status) == (b01.ids[0], "stock")
    for name, value in (("mac", "24:0a:c4:00:00:01"), ("serial", "S00001"), ("image_kind", "home"), ("passed_at", NOW)):
        assert await column(conn, b01.ids[0], name) == value


async def test_the_same_file_again_changes_nothing(conn: Conn) -> None:
    """A stick that is handed in twice."""
    b01 = await bench(conn)
    for number in (1, 2, 3):
        b01.sign(provisioned(b01.ids[number], number))
    assert await results(conn, b01.lines[:2]) == ["merged"] * 2
    assert await results(conn, b01.lines) == ["known", "known", "merged"]
    assert await results(conn, b01.lines) == ["known"] * 3


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"mac": "24:0a:c4:00:00:01"}, "board 24:0a:c4:00:00:01 belongs to XC000001"),
        ({"serial": "S00001"}, "serial S00001 belongs to XC000001"),
        ({"imei": "862000000000001"}, "IMEI ending 0001 belongs to XC000001"),
        ({"iccid": iccid(1)}, f"ICCID ending {iccid(1)[-4:]} belongs to XC000001"),
        ({"iccid": iccid(77)}, "is not in stock: onekey sim import"),
        ({"device": "XC000001"}, "XC000001 is on the board 24:0a:c4:00:00:01 already"),
        ({"device": "XC999999"}, "XC999999 is in no reservation"),
    ],
)
async def test_a_clash_is_refused_with_its_reason_and_the_rest_is_merged(
    conn: Conn, other: dict[str, Any], word: str
) -> None:
    """The line before and the line after it count."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1))
    b01.sign(provisioned(b01.ids[1], 2) | other)
    b01.sign(provisioned(b01.ids[2], 3))
    outcomes, gaps = await actions.merge(conn, b01.lines, NOW)
    assert [each.result for each in outcomes] == ["merged", "refused", "merged"]
    assert word in outcomes[1].reason
    assert gaps == {}
    assert "1380000" not in outcomes[1].reason
    assert await column(conn, b01.ids[1], "status") == "reserved"


async def test_every_reason_of_a_line_is_told(conn: Conn) -> None:
    """Nobody mends one and meets the next."""
    b01 = await bench(conn)
    await actions.merge(conn, [b01.sign(provisioned(b01.ids[0], 1))], NOW)
    assert (await why(conn, b01.sign(provisioned(b01.ids[1], 1)))).count(";") == 4


async def test_a_refused_record_counts_once_its_reason_is_gone(conn: Conn) -> None:
    """The cards are imported, and the same file is handed in again."""
    b01 = await bench(conn, cards=0)
    line = b01.sign(provisioned(b01.ids[0], 4))
    assert "not in stock" in await why(conn, line)
    await bench(conn, "B02", cards=9)
    assert await results(conn, [line]) == ["merged"]


async def test_an_id_of_another_bench_or_a_revoked_one_is_refused(conn: Conn) -> None:
    """A range belongs to one bench."""
    b01, b02 = await bench(conn), await bench(conn, "B02")
    assert "is of bench B01, not of B02" in await why(conn, b02.sign(provisioned(b01.ids[0], 1)))
    await devices_actions.revoke(conn, b01.ids[1], NOW)
    assert "revoked" in await why(conn, b01.sign(provisioned(b01.ids[1], 2)))


async def test_an_unknown_a_closed_and_a_foreign_bench_sign_nothing(conn: Conn) -> None:
    """The signature decides, not the name."""
    b01 = await bench(conn)
    stranger = Bench({"bench": "B09", "key": "11" * 32, "devices": []})
    assert "B09 is unknown" in await why(conn, stranger.sign(provisioned(b01.ids[0], 1)))
    forger = Bench({"bench": "B01", "key": "11" * 32, "devices": []})
    assert "not signed by this bench" in await why(conn, forger.sign(provisioned(b01.ids[0], 1)))
    known = b01.sign(provisioned(b01.ids[0], 1))
    await actions.merge(conn, [known], NOW)
    assert await actions.close_bench(conn, "B01", NOW) == 4
    assert await results(conn, [known]) == ["known"]
    assert "closed" in await why(conn, b01.sign(provisioned(b01.ids[1], 2)))
    assert await column(conn, b01.ids[1], "credential") is None
    assert await column(conn, b01.ids[0], "credential") is not None


async def test_a_missing_record_is_reported_until_it_comes(conn: Conn) -> None:
    """Nothing is lost silently; what came late does not undo what was said after it."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1))
    b01.sign(acceptance(b01.ids[0], 1, passed=False))
    b01.sign(acceptance(b01.ids[0], 1))
    outcomes, gaps = await actions.merge(conn, [b01.lines[0], b01.lines[2]], NOW)
    assert [each.result for each in outcomes] == ["merged", "merged"]
    assert gaps == {"B01": [(2, 2)]}
    outcomes, gaps = await actions.merge(conn, b01.lines, NOW)
    assert [each.result for each in outcomes] == ["known", "merged", "known"]
    assert gaps == {}
    assert await column(conn, b01.ids[0], "passed_at") == NOW


async def test_a_folder_that_was_set_back_is_noticed(conn: Conn) -> None:
    """Two different records of one number, and one that follows on nothing."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1))
    await actions.merge(conn, b01.lines, NOW)
    copy = Bench({"bench": "B01", "key": b01.key.private_bytes_raw().hex(), "devices": []})
    assert "signed another record 1" in await why(conn, copy.sign(provisioned(b01.ids[1], 2)))
    assert "does not follow on record 1" in await why(conn, copy.sign(provisioned(b01.ids[2], 3)))


async def test_a_board_that_is_made_again_keeps_its_id_and_must_be_tested_again_with_another_card(conn: Conn) -> None:
    """A card was broken. The first one is free again."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1))
    b01.sign(acceptance(b01.ids[0], 1))
    b01.sign(provisioned(b01.ids[0], 1), NOW + timedelta(hours=1))
    await actions.merge(conn, b01.lines, NOW)
    assert await column(conn, b01.ids[0], "passed_at") == NOW
    b01.sign(provisioned(b01.ids[0], 1, iccid=iccid(2)), NOW + timedelta(hours=2))
    b01.sign(provisioned(b01.ids[1], 2, iccid=iccid(1)), NOW + timedelta(hours=3))
    assert await results(conn, b01.lines) == ["known"] * 3 + ["merged"] * 2
    assert await column(conn, b01.ids[0], "passed_at") is None
    assert await column(conn, b01.ids[1], "msisdn_hash") == BOX.digest("13800000001")


async def test_card_and_modem_of_a_retired_terminal_are_free_its_board_is_not(conn: Conn) -> None:
    """Retired is for ever, for the id and the board."""
    b01 = await bench(conn)
    await actions.merge(conn, [b01.sign(provisioned(b01.ids[0], 1))], NOW)
    await conn.execute("update device set status = 'retired' where device_id = %s", [b01.ids[0]])
    assert "belongs to XC000001" in await why(conn, b01.sign(provisioned(b01.ids[1], 1)))
    again = b01.sign(provisioned(b01.ids[1], 2, iccid=iccid(1), imei="862000000000001"))
    assert await results(conn, [again]) == ["merged"]
    assert "retired" in await why(conn, b01.sign(provisioned(b01.ids[0], 1)))


async def test_a_test_of_a_board_that_was_not_provisioned_is_refused(conn: Conn) -> None:
    """Whose parts would it prove?"""
    b01 = await bench(conn)
    assert "not provisioned" in await why(conn, b01.sign(acceptance(b01.ids[0], 1)))
    await actions.merge(conn, [b01.sign(provisioned(b01.ids[0], 1))], NOW)
    assert "was tested" in await why(conn, b01.sign(acceptance(b01.ids[0], 2)))


async def test_a_reserved_id_is_in_no_count_of_the_fleet_even_if_it_speaks(conn: Conn) -> None:
    """Health, billing, the live page: one list each. Its press would be taken all the same."""
    b01 = await bench(conn)
    await devices_actions.link(conn, b01.ids[0], "0badcafe.1.1", "online", NOW, retained=False)
    await conn.execute(
        "insert into device_day (device_id, day, beats, changed_at) values (%s, %s, 3, %s)",
        [b01.ids[0], NOW.date(), NOW],
    )
    assert await devices_store.contacts(conn) == []
    assert await stats_store.terminals(conn) == []
    assert await desks_store.terminals(conn) == []
    assert await desks_store.contact_counts(conn, NOW) == []
    assert await billing_store.day_facts(conn, NOW.date(), 0) == []
    assert len(await desks_store.terminals(conn, [b01.ids[0]])) == 1  # beside its own case it is shown
    await actions.merge(conn, [b01.sign(provisioned(b01.ids[0], 1))], NOW)
    assert len(await devices_store.contacts(conn)) == len(await stats_store.terminals(conn)) == 1
    assert len(await billing_store.day_facts(conn, NOW.date(), 0)) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_pieces_in_any_order_end_in_the_same_registry(conn: Conn, data: st.DataObject) -> None:
    """A stick here, a mail there: once everything is in, it does not matter how it came."""
    async with conn.transaction(force_rollback=True):
        b01 = await bench(conn)
        for number in (1, 2, 3):
            b01.sign(provisioned(b01.ids[number], number))
            b01.sign(acceptance(b01.ids[number], number, passed=number != 2))
        for line in data.draw(st.permutations(b01.lines)):
            await actions.merge(conn, [line], NOW)
        _outcomes, gaps = await actions.merge(conn, b01.lines, NOW)
        assert gaps == {}
        found = [
            (await column(conn, b01.ids[n], "status"), await column(conn, b01.ids[n], "passed_at")) for n in (1, 2, 3)
        ]
        assert found == [("stock", NOW), ("stock", None), ("stock", NOW)]
        assert {row.refused for row in (await store.kept(conn, "B01")).values()} == {None}


@given(at=st.integers(0, 2000), byte=st.integers(32, 126))
def test_no_byte_of_a_record_can_be_changed(at: int, byte: int) -> None:
    """Each is under the signature, or breaks the form."""
    b01 = Bench({"bench": "B01", "key": "22" * 32, "devices": []})
    line = b01.sign(acceptance("XC000001", 1))
    at %= len(line)
    changed = line[:at] + chr(byte) + line[at + 1 :]
    if changed == line:
        record.verify(record.parse(line), b01.key.public_key().public_bytes_raw())
        return
    with pytest.raises(record.RecordError):
        record.verify(record.parse(changed), b01.key.public_key().public_bytes_raw())


def test_a_record_holds_no_password_and_no_phone_number() -> None:
    """The list of its fields is closed, and what looks like a number in a step is refused."""
    b01 = Bench({"bench": "B01", "key": "22" * 32, "devices": []})
    with pytest.raises(record.RecordError, match="password"):
        b01.sign(provisioned("XC000001", 1), password="x")
    for facts in ({"caller": "13800000001"}, {"a": [{"b": "+8613800000001"}]}, {"c": "01055500001"}):
        with pytest.raises(record.RecordError, match="phone number"):
            b01.sign(acceptance("XC000001", 1, steps=[{"name": "call", "passed": True, "facts": facts}]))


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", "x" * 20_000, '{"v":1,"kind":"provision"}', "[" * 10_000])
def test_what_is_no_record_is_said_to_be_none(line: str) -> None:
    """Whatever is on the stick."""
    with pytest.raises(record.RecordError):
        record.parse(line)


def test_a_record_is_one_line_of_canonical_json() -> None:
    """The same bytes everywhere."""
    line = Bench({"bench": "B01", "key": "22" * 32, "devices": []}).sign(provisioned("XC000001", 1))
    assert "\n" not in line
    assert json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")) == line


async def test_a_test_from_before_another_card_was_put_in_never_counts(conn: Conn) -> None:
    """Both were refused at first, for the first card was not in stock; the test was of that card."""
    b01 = await bench(conn, cards=5)
    b01.sign(provisioned(b01.ids[0], 7))
    b01.sign(acceptance(b01.ids[0], 7))
    b01.sign(provisioned(b01.ids[0], 7, iccid=iccid(1)))
    assert await results(conn, b01.lines) == ["refused", "refused", "merged"]
    await bench(conn, "B02", cards=9)
    assert await results(conn, b01.lines) == ["merged", "merged", "known"]
    assert await column(conn, b01.ids[0], "iccid") == iccid(1)
    assert await column(conn, b01.ids[0], "passed_at") is None


async def test_the_order_in_which_a_benchs_lines_come_in_makes_no_difference(conn: Conn) -> None:
    """Another card, then its test: the test counts although the card's line was handed in after it."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1))
    b01.sign(provisioned(b01.ids[0], 1, iccid=iccid(2)))
    b01.sign(acceptance(b01.ids[0], 1, iccid=iccid(2)))
    assert await results(conn, [b01.lines[0], b01.lines[2], b01.lines[1]]) == ["merged"] * 3
    assert await column(conn, b01.ids[0], "iccid") == iccid(2)
    assert await column(conn, b01.ids[0], "passed_at") == NOW


async def test_a_bench_whose_clock_is_ahead_gives_no_test_of_tomorrow(conn: Conn) -> None:
    """It would still hold after the terminal came back from a home."""
    b01 = await bench(conn)
    b01.sign(provisioned(b01.ids[0], 1), NOW + timedelta(days=400))
    b01.sign(acceptance(b01.ids[0], 1), NOW + timedelta(days=400))
    assert await results(conn, b01.lines) == ["merged"] * 2
    assert await column(conn, b01.ids[0], "passed_at") == NOW
