"""Masking: how much of a person is shown where no emergency is open. Pure."""

from __future__ import annotations

KEEP_HEAD, KEEP_TAIL = 3, 2  # digits of a phone number that let a colleague recognise it and nobody dial it
SHORTEST_PARTLY_SHOWN = KEEP_HEAD + KEEP_TAIL + 3


def masked_name(name: str) -> str:
    """The family name and one star per character that follows."""
    return name[:1] + "*" * (len(name) - 1)


def masked_number(number: str) -> str:
    """First three and last two digits; a short number not at all."""
    if len(number) < SHORTEST_PARTLY_SHOWN:
        return "*" * len(number)
    return number[:KEEP_HEAD] + "*" * (len(number) - KEEP_HEAD - KEEP_TAIL) + number[-KEEP_TAIL:]


def masked_fact(text: str) -> str:
    """Only that something is known; a file with such cells cannot be taken over again by mistake."""
    return "****" if text else ""


def masked_address() -> str:
    """Nothing of it: street and community are shown beside it."""
    return "（已隐藏）"
