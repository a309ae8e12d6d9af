"""The contract's formula: normal days per terminal in, an exact amount out.

total = min(cap, round_half_up(unit price x device-days / term days)). Integers only; rounded once, at the total.
Lines are cut down to whole fen and the missing fen go to the largest remainders, ties by device id ascending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.billing.models import Amount, Contract, Line

if TYPE_CHECKING:
    from collections.abc import Mapping


def round_half_up(numerator: int, denominator: int) -> int:
    """The whole number nearest to a fraction that is not negative; the half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def price(contract: Contract, days: Mapping[str, int]) -> Amount:
    """Price normal days per terminal. Terminals without a normal day get a line of 0 fen: the auditor sees them."""
    device_days = sum(days.values())
    uncapped = round_half_up(contract.unit_price_fen * device_days, contract.term_days)
    total = min(uncapped, contract.cap_fen)
    return Amount(
        term_days=contract.term_days,
        device_days=device_days,
        uncapped_fen=uncapped,
        total_fen=total,
        capped=uncapped > contract.cap_fen,
        prepaid_fen=contract.prepaid_fen,
        balance_fen=total - contract.prepaid_fen,
        lines=_lines(contract, days, uncapped),
    )


def _lines(contract: Contract, days: Mapping[str, int], uncapped: int) -> tuple[Line, ...]:
    """Shares that add up to the total exactly, each less than one fen from its exact value."""
    shares = {device: divmod(contract.unit_price_fen * count, contract.term_days) for device, count in days.items()}
    missing = uncapped - sum(floor for floor, _ in shares.values())
    ranked = sorted(shares, key=lambda device: (-shares[device][1], device))
    raised = set(ranked[:missing])
    return tuple(Line(device, days[device], shares[device][0] + (device in raised)) for device in sorted(shares))
