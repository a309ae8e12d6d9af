"""Reserved identities, codes of consoles, and cards."""

from __future__ import annotations

import base64
import hashlib
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.devices import store as devices_store
from cloud.errors import BadInput, Conflict, NotFound
from cloud.stock import actions, rules
from cloud.stock.models import Card
from tests.cloud.stock.parts import BOX, HOTLINE, NOW, bench, column, iccid, luhn_digit, provisioned

if TYPE_CHECKING:
    from cloud.db import Conn


async def test_reserved_ids_can_log_in_before_any_terminal_has_them(conn: Conn) -> None:
    """The broker's list holds what each password is checked against."""
    made = await actions.reserve(conn, BOX, "B01", "XC", 3, hotline=HOTLINE, now=NOW)
    assert [each["device_id"] for each in made["devices"]] == ["XC000001", "XC000002", "XC000003"]
    for each in made["devices"]:
        device = await devices_store.get_device(conn, each["device_id"])
        assert device is not None
        assert device.status == "reserved"
        assert device.credential is not None
        _, _, rounds, salt, digest = device.credential.split("$")
        password = hashlib.pbkdf2_hmac("sha512", each["password"].encode(), base64.b64decode(salt), int(rounds), 64)
        assert base64.b64encode(password).decode() == digest


async def test_a_second_reservation_goes_on_where_the_first_ended_and_brings_no_second_key(conn: Conn) -> None:
    """Whoever asks; a bench has one key for ever."""
    first = await actions.reserve(conn, BOX, "B01", "XC", 2, hotline=HOTLINE, now=NOW)
    other = await actions.reserve(conn, BOX, "B02", "XC", 2, hotline=HOTLINE, now=NOW)
    again = await actions.reserve(conn, BOX, "B01", "XC", 1, hotline=HOTLINE, now=NOW)
    named = [each["device_id"] for made in (first, other, again) for each in made["devices"]]
    assert named == [f"XC{number:06d}" for number in range(1, 6)]
    assert first["key"] is not None
    assert again["key"] is None
    assert len({each["password"] for made in (first, other, again) for each in made["devices"]}) == 5


async def test_where_there_is_no_configuration_every_key_of_the_new_ones_calls_the_desk(conn: Conn) -> None:
    """Nobody else's configuration changes."""
    await conn.execute("insert into device (device_id, created_at) values ('BJCY000001', %s)", [NOW])
    made = await actions.reserve(conn, BOX, "B01", "XC", 1, hotline=HOTLINE, now=NOW)
    assert made["config"]["ver"] == 1
    assert made["config"]["plan"]["sos"] == [["坐席", "01055500009", 40, 1]]
    assert await column(conn, "XC000001", "config_version") == 1
    assert await column(conn, "BJCY000001", "config_version") == 0
    assert (await actions.reserve(conn, BOX, "B01", "XC", 1, hotline=HOTLINE, now=NOW))["config"] == made["config"]


@pytest.mark.parametrize(
    ("name", "prefix", "count"), [("b01", "XC", 1), ("B01", "X1", 1), ("B01", "X", 1), ("B01", "XC", 0)]
)
async def test_what_cannot_be_reserved_is_said(conn: Conn, name: str, prefix: str, count: int) -> None:
    """Forms first."""
    with pytest.raises(BadInput):
        await actions.reserve(conn, BOX, name, prefix, count, hotline=HOTLINE, now=NOW)


async def test_ids_run_out_with_a_word(conn: Conn) -> None:
    """And a closed bench gets none."""
    await conn.execute("insert into device (device_id, created_at) values ('XC999999', %s)", [NOW])
    with pytest.raises(Conflict, match="only 0 ids are left"):
        await actions.reserve(conn, BOX, "B01", "XC", 1, hotline=HOTLINE, now=NOW)
    await actions.reserve(conn, BOX, "B02", "XD", 1, hotline=HOTLINE, now=NOW)
    await actions.close_bench(conn, "B02", NOW)
    with pytest.raises(Conflict, match="closed"):
        await actions.reserve(conn, BOX, "B02", "XD", 1, hotline=HOTLINE, now=NOW)


async def test_a_code_opens_the_console_of_its_own_terminal_and_is_logged(conn: Conn) -> None:
    """The bench was told the hash only; who asked and why is kept."""
    made = await actions.reserve(conn, BOX, "B01", "XC", 2, hotline=HOTLINE, now=NOW)
    code = await actions.unlock_code(conn, BOX, "XC000001", reason="key 2 sticks", actor="li", now=NOW)
    locks = [bytes.fromhex(each["lock"]) for each in made["devices"]]
    assert rules.lock_hash(code) == locks[0] != locks[1]
    assert rules.lock_hash(code.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == locks[0]
    cursor = await conn.execute("select device_id, reason, actor, given_at from unlock_given")
    assert await cursor.fetchall() == [("XC000001", "key 2 sticks", "li", NOW)]
    with pytest.raises(BadInput, match="say why"):
        await actions.unlock_code(conn, BOX, "XC000001", reason=" ", actor="li", now=NOW)
    with pytest.raises(NotFound):
        await actions.unlock_code(conn, BOX, "XC000009", reason="key 2 sticks", actor="li", now=NOW)


async def test_a_board_that_lost_its_password_gets_another_with_another_code(conn: Conn) -> None:
    """Bound to its board; the old password and the old code are worth nothing."""
    b01 = await bench(conn)
    with pytest.raises(Conflict, match="never provisioned"):
        await actions.reissue(conn, BOX, b01.ids[0], hotline=HOTLINE, now=NOW)
    await actions.merge(conn, [b01.sign(provisioned(b01.ids[0], 1))], NOW)
    before = await column(conn, b01.ids[0], "credential")
    old = await actions.unlock_code(conn, BOX, b01.ids[0], reason="repair", actor="li", now=NOW)
    made = await actions.reissue(conn, BOX, b01.ids[0], hotline=HOTLINE, now=NOW)
    (entry,) = made["devices"]
    assert (made["bench"], made["key"], entry["mac"]) == ("B01", None, "24:0a:c4:00:00:01")
    assert await column(conn, b01.ids[0], "credential") != before
    code = await actions.unlock_code(conn, BOX, b01.ids[0], reason="repair", actor="li", now=NOW)
    assert code != old
    assert rules.lock_hash(code).hex() == entry["lock"]


async def test_a_card_is_one_number_and_comes_again_with_another_plan(conn: Conn) -> None:
    """Renewal is the same file with new dates; a number that moves is a mistake."""

    def card(number: int, msisdn: str, plan: str = "30M") -> Card:
        return Card(iccid=iccid(number), msisdn=msisdn, plan=plan, pool="p", expires_on=date(2027, 1, 1))

    assert await actions.import_cards(conn, BOX, [(2, card(1, "13800000001"))], NOW) == []
    assert await actions.import_cards(conn, BOX, [(2, card(1, "13800000001", "100M"))], NOW) == []
    cursor = await conn.execute("select plan, msisdn_sealed from sim")
    ((plan, sealed),) = await cursor.fetchall()
    assert (plan, BOX.open(sealed)) == ("100M", "13800000001")
    bad = await actions.import_cards(
        conn, BOX, [(2, card(2, "13800000002")), (3, card(1, "13800000003")), (4, card(4, "13800000001"))], NOW
    )
    assert [line for line, _ in bad] == [3, 4]
    assert not [text for _, text in bad if "1380000" in text]
    assert await (await conn.execute("select count(*) from sim")).fetchone() == (1,)


async def test_a_bench_can_check_a_callers_number_without_knowing_it(conn: Conn) -> None:
    """Keyed hashes of the free cards."""
    b01 = await bench(conn, cards=3)
    await actions.merge(conn, [b01.sign(provisioned(b01.ids[0], 1))], NOW)
    key, proofs = await actions.card_proofs(conn, BOX, "B01")
    assert proofs == {iccid(n): actions.caller_proof(key, f"1380000{n:04d}") for n in (2, 3)}


@given(body=st.text("0123456789", min_size=18, max_size=19), digit=st.sampled_from("0123456789"))
def test_exactly_one_check_digit_is_right(body: str, digit: str) -> None:
    """The rule of the cards' standard."""
    assert (rules.iccid_fault(body + digit) is None) == (digit == luhn_digit(body))


@given(body=st.text("0123456789", min_size=18, max_size=18), at=st.integers(0, 17), digit=st.integers(1, 9))
def test_any_digit_typed_wrong_is_found(body: str, at: int, digit: int) -> None:
    """That is what the check digit is for."""
    wrong = body[:at] + str((int(body[at]) + digit) % 10) + body[at + 1 :]
    assert rules.iccid_fault(wrong + luhn_digit(body)) is not None


@given(numbers=st.sets(st.integers(1, 30)))
def test_gaps_are_what_is_missing(numbers: set[int]) -> None:
    """Nothing more, nothing less, up to the last."""
    missing = {n for first, last in rules.gaps(0, sorted(numbers)) for n in range(first, last + 1)}
    assert missing == set(range(1, max(numbers, default=0) + 1)) - numbers
