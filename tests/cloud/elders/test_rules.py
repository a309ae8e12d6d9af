"""What is hidden of a person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud.elders.rules import masked_name, masked_number


def test_a_masked_name_keeps_the_family_name_and_its_length() -> None:
    assert [masked_name(name) for name in ("王淑兰", "李白", "王", "")] == ["王**", "李*", "王", ""]


def test_a_masked_number_can_be_recognised_and_not_dialled() -> None:
    assert masked_number("13800000001") == "138******01"
    assert masked_number("5550001") == "*******"


@given(st.text("0123456789", max_size=20))
def test_a_masked_number_never_shows_more_than_five_digits(number: str) -> None:
    masked = masked_number(number)
    assert len(masked) == len(number)
    assert sum(char.isdigit() for char in masked) <= 5
