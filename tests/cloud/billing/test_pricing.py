"""The formula of the contract, against exact fractions."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cloud.billing.ledger import read_ledger
from cloud.billing.models import STATUSES, Contract
from cloud.billing.pricing import price, round_half_up

RANDOM_LEDGERS = 10_000
FULL = Contract("T-1", date(2025, 7, 24), date(2026, 7, 23), 3990, 199_500_000, 99_750_000)


def _random_contract(dice: random.Random) -> Contract:
    start = date(2023, 12, 1) + timedelta(days=dice.randrange(900))
    end = start + timedelta(days=dice.choice((0, 1, 2, 6, 30, 364, 365, dice.randrange(500))))
    unit = dice.choice((1, 3990, 99_999, dice.randrange(1, 10_000)))
    return Contract("T-2", start, end, unit, dice.randrange(0, 3 * unit + 2), dice.randrange(0, 2 * unit + 2))


def _random_rows(dice: random.Random, contract: Contract) -> list[tuple[str, str, str]]:
    rows = []
    for number in range(dice.randrange(1, 7)):
        days = dice.sample(range(contract.term_days), dice.randrange(0, min(contract.term_days, 12) + 1))
        for place in days:
            day = contract.starts_on + timedelta(days=place)
            status = dice.choice(("normal", "normal", "normal", dice.choice(STATUSES)))
            rows.append((f"OKC{number:05d}", day.isoformat(), status))
    dice.shuffle(rows)
    return rows


def _model(contract: Contract, rows: list[tuple[str, str, str]]) -> dict[str, object]:
    """The contract's words with fractions, written without a look at the code under test."""
    term = Fraction((contract.ends_on - contract.starts_on).days + 1)
    days = {device: 0 for device, _, _ in rows}
    for device, _, status in rows:
        days[device] += status == "normal"
    exact = {device: Fraction(contract.unit_price_fen) * count / term for device, count in days.items()}
    uncapped = math.floor(sum(exact.values(), Fraction()) + Fraction(1, 2))
    fen = {device: math.floor(share) for device, share in exact.items()}
    by_remainder = sorted(exact, key=lambda device: (fen[device] - exact[device], device))
    for device in by_remainder[: uncapped - sum(fen.values())]:
        fen[device] += 1
    total = min(uncapped, contract.cap_fen)
    return {
        "device_days": sum(days.values()),
        "uncapped": uncapped,
        "total": total,
        "balance": total - contract.prepaid_fen,
        "capped": uncapped > contract.cap_fen,
        "lines": [(device, days[device], fen[device]) for device in sorted(days)],
        "exact": exact,
    }


def _csv(rows: list[tuple[str, str, str]]) -> bytes:
    return "\n".join(["device_id,day,status", *(",".join(row) for row in rows)]).encode()


def test_ten_thousand_random_ledgers_cost_what_exact_fractions_say() -> None:
    """From the bytes of the file to the last fen, cap hit and missed, refund and payment; shuffled rows too."""
    dice = random.Random(39_90)
    capped = refunds = 0
    for _ in range(RANDOM_LEDGERS):
        contract = _random_contract(dice)
        rows = _random_rows(dice, contract)
        amount = price(contract, read_ledger([_csv(rows)], contract))
        model = _model(contract, rows)
        exact = model["exact"]
        assert isinstance(exact, dict)
        assert amount.device_days == model["device_days"]
        assert (amount.uncapped_fen, amount.total_fen) == (model["uncapped"], model["total"])
        assert (amount.balance_fen, amount.capped) == (model["balance"], model["capped"])
        assert [(line.device_id, line.days, line.fen) for line in amount.lines] == model["lines"]
        assert sum(line.fen for line in amount.lines) == amount.uncapped_fen
        assert all(abs(line.fen - exact[line.device_id]) < 1 for line in amount.lines)
        dice.shuffle(rows)
        assert price(contract, read_ledger([_csv(rows)], contract)) == amount
        capped += amount.capped
        refunds += amount.balance_fen < 0
    assert min(capped, refunds, RANDOM_LEDGERS - capped, RANDOM_LEDGERS - refunds) > RANDOM_LEDGERS // 20


@given(numerator=st.integers(0, 10**15), denominator=st.integers(1, 10**6))
def test_the_half_goes_up_and_nothing_else_is_moved(numerator: int, denominator: int) -> None:
    """`round_half_up` is the floor of x + 1/2."""
    assert round_half_up(numerator, denominator) == math.floor(Fraction(numerator, denominator) + Fraction(1, 2))


@given(days=st.dictionaries(st.from_regex(r"\A[A-Z0-9]{6,20}\Z"), st.integers(0, 365), max_size=60))
def test_lines_add_up_for_any_fleet(days: dict[str, int]) -> None:
    """Largest remainder: lines add up, each is less than one fen off, and more days never cost less."""
    amount = price(FULL, days)
    assert sum(line.fen for line in amount.lines) == amount.uncapped_fen
    for line in amount.lines:
        assert abs(line.fen - Fraction(3990 * line.days, 365)) < 1
    assert [line.device_id for line in amount.lines] == sorted(days)


def test_a_full_fleet_for_a_full_year_is_exactly_the_cap() -> None:
    """50,000 x 39.90 = 1,995,000.00, not capped; one device-day more is."""
    fleet = {f"OKC{number:07d}": 365 for number in range(50_000)}
    amount = price(FULL, fleet)
    assert (amount.uncapped_fen, amount.capped, amount.balance_fen) == (199_500_000, False, 99_750_000)
    assert {line.fen for line in amount.lines} == {3990}
    over = price(FULL, fleet | {"OKC9999999": 1})
    assert (over.uncapped_fen, over.total_fen, over.capped) == (199_500_011, 199_500_000, True)


def test_rounding_each_terminal_alone_would_overcharge_and_is_not_done() -> None:
    """50,000 terminals of 343 days: 24,658 fen would appear from nowhere."""
    amount = price(FULL, {f"OKC{number:07d}": 343 for number in range(50_000)})
    alone = 50_000 * round_half_up(3990 * 343, 365)
    assert amount.uncapped_fen == round_half_up(3990 * 343 * 50_000, 365)
    assert alone - amount.uncapped_fen == 24_658


def test_equal_remainders_are_settled_by_device_id() -> None:
    """Two terminals of one day each and one fen to give: the first id gets it."""
    contract = Contract("T-3", date(2025, 1, 1), date(2025, 1, 2), 1, 100, 0)
    lines = price(contract, {"OKC00002": 1, "OKC00001": 1}).lines
    assert [(line.device_id, line.fen) for line in lines] == [("OKC00001", 1), ("OKC00002", 0)]


def test_a_terminal_without_a_normal_day_has_a_line_of_nothing() -> None:
    """The auditor sees every terminal of the ledger; an empty ledger gives the prepayment back."""
    amount = price(FULL, {"OKC00001": 0})
    assert [(line.days, line.fen) for line in amount.lines] == [(0, 0)]
    assert price(FULL, {}).balance_fen == -99_750_000
