"""The operator of the history's cards: what its platform would answer. Pure: what was done to a card in, readings out.

The reading itself is the product's: what is made here is handed to the room that takes one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud.carrier.models import Card, Told
from tools.bench.health.town import HOUR, START

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tools.bench.health.town import Terminal

READ_S = 4 * HOUR  # the product reads every hour; a history of months has the same findings some hours later
MB = 1 << 20
QUOTA = 30 * MB  # where a card has one of its own
LISTED = "listed"  # the one change that is of no field: whether the platform lists the card at all


class Operator:
    """Every card of a town, as it stands with the operator."""

    def __init__(self, town: Sequence[Terminal]) -> None:
        self._cards = {
            it.number: Card(
                iccid=it.iccid, status="activated", voice=True, data_used_bytes=3 * MB, data_quota_bytes=None,
                pool=it.pool, expires_on=None, bound_imei=it.imei, changed_at=START, told_at=START,
            )
            for it in town
        }  # fmt: skip
        self._gone: set[int] = set()

    def change(self, number: int, at: float, name: str, value: Any) -> None:
        """One field of a card is another from then on; `listed`: whether the platform knows it."""
        if name == LISTED:
            (self._gone.discard if value else self._gone.add)(number)
            return
        card = self._cards[number]
        # What a card has used is no change to it.
        changed = card.changed_at if name.startswith("data_") else START + timedelta(seconds=at)
        self._cards[number] = replace(card, changed_at=changed, **{name: value})

    def told(self, now: datetime) -> Told:
        """One whole reading."""
        cards = {
            card.iccid: replace(card, told_at=now) for number, card in self._cards.items() if number not in self._gone
        }
        return Told(cards=cards, listed=set(cards), told_at=now)
