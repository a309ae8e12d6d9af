"""Contract files: exact decimals, both days included, every mistake with its line."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.billing.contract_file import contract_toml, parse_contract, unknown_keys, yuan
from cloud.billing.models import Contract, RefusedError

GOOD = b"""[contract]
number = "T-2025-001"
start = 2025-07-24
end = 2026-07-23
unit_price = "39.9"
cap = "1995000"
prepaid = "997500.00"
"""


def test_a_contract_is_read_exactly() -> None:
    """39.9 CNY is 3,990 fen; start and end are both billable days."""
    contract = parse_contract(GOOD)
    assert contract == Contract("T-2025-001", date(2025, 7, 24), date(2026, 7, 23), 3990, 199_500_000, 99_750_000)
    assert contract.term_days == 365


def test_dates_may_be_texts_and_the_file_may_come_from_windows() -> None:
    """BOM, CRLF, quoted dates."""
    text = GOOD.replace(b"2025-07-24", b'"2025-07-24"').replace(b"\n", b"\r\n")
    assert parse_contract(b"\xef\xbb\xbf" + text) == parse_contract(GOOD)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b'"39.9"', b"39.9", 5),
        (b'"39.9"', b"39", 5),
        (b'"39.9"', b'"39.905"', 5),
        (b'"39.9"', b'"-39.9"', 5),
        (b'"39.9"', b'"39,9"', 5),
        (b'"39.9"', b'"3.99e1"', 5),
        (b'"39.9"', b'" 39.9"', 5),
        (b'"39.9"', b'"0"', 5),
        (b'"39.9"', '"３９.９"'.encode(), 5),
        (b'"39.9"', b'"39."', 5),
        (b'"1995000"', b'"1995000.001"', 6),
        (b'"1995000"', b'"nan"', 6),
        (b'prepaid = "997500.00"', b"", 1),
        (b"2026-07-23", b"2025-07-23", 4),
        (b"2026-07-23", b"2125-07-23", 4),
        (b"2026-07-23", b"2026-02-30", 4),
        (b"2026-07-23", b'"2026-02-30"', 4),
        (b"2026-07-23", b"2026-07-23T00:00:00", 4),
        (b"2026-07-23", b"20260723", 4),
        (b'"T-2025-001"', b'""', 2),
        (b'"T-2025-001"', b"7", 2),
        (b'"T-2025-001"', b'"T', 2),
        (b"[contract]", b"[contracts]", 1),
        (b'"T-2025-001"', b'"\xff"', 2),
    ],
)
def test_a_wrong_contract_is_refused_with_its_line(old: bytes, new: bytes, line: int) -> None:
    """Amounts that have no exact value, impossible days, an end before the start, missing keys."""
    with pytest.raises(RefusedError) as refused:
        parse_contract(GOOD.replace(old, new))
    assert [problem.line for problem in refused.value.problems] == [line]


def test_every_mistake_is_told_at_once() -> None:
    """Two wrong amounts are two problems."""
    with pytest.raises(RefusedError) as refused:
        parse_contract(GOOD.replace(b'"39.9"', b"39.9").replace(b'"1995000"', b"1995000.0"))
    assert [problem.line for problem in refused.value.problems] == [5, 6]


def test_a_key_that_nobody_reads_is_named() -> None:
    """It may be a typing mistake."""
    assert unknown_keys(GOOD + b"remark = 1\n") == ["remark"]


@given(fen=st.integers(-(10**14), 10**14))
def test_amounts_are_written_as_they_are_read(fen: int) -> None:
    """Two decimals, always."""
    whole, _, cents = yuan(fen).lstrip("-").partition(".")
    assert (int(whole) * 100 + int(cents)) * (-1 if fen < 0 else 1) == fen


@given(
    number=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=64),
    money=st.tuples(st.integers(1, 10**9), st.integers(0, 10**12), st.integers(0, 10**12)),
    days=st.integers(0, 700),
)
def test_a_contract_survives_its_own_file(number: str, money: tuple[int, int, int], days: int) -> None:
    """What the export writes, `price` reads back."""
    contract = Contract(number, date(2025, 1, 1), date.fromordinal(date(2025, 1, 1).toordinal() + days), *money)
    assert parse_contract(contract_toml(contract)) == contract


@given(raw=st.binary(max_size=120))
def test_random_bytes_are_refused_and_never_crash(raw: bytes) -> None:
    """The answer is a list of problems with lines."""
    for text in (raw, GOOD + raw):
        problems = []
        try:
            parse_contract(text)
        except RefusedError as refused:
            problems = refused.problems
        assert all(problem.line >= 1 for problem in problems)
