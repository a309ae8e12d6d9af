"""The desk's switches: lines of a FIFO become contacts that are closed for a time."""

from __future__ import annotations

from firmware.hal.unix import Contacts
from protocol.codes import KEYS


def closed(contacts: Contacts, now: int) -> list[str]:
    return [key for key, level in zip(KEYS, contacts.levels(now), strict=True) if level]


def test_a_line_closes_its_switch_for_that_long() -> None:
    """And no other."""
    contacts = Contacts()
    contacts.line("sos 1200")
    assert closed(contacts, 1000) == ["sos"]
    assert closed(contacts, 2199) == ["sos"]
    assert closed(contacts, 2200) == []


def test_two_lines_of_one_key_are_two_presses() -> None:
    """There is a gap between them that the debounce can see."""
    contacts = Contacts()
    contacts.line("sos 100")
    contacts.line("sos 100")
    seen = [bool(closed(contacts, now)) for now in range(0, 400, 10)]
    edges = sum(1 for before, after in zip([False, *seen], seen, strict=False) if after and not before)
    assert edges == 2
    assert len([level for level in seen[10:20] if not level]) == 10


def test_keys_are_held_side_by_side() -> None:
    """Two people, two keys."""
    contacts = Contacts()
    contacts.line("sos 500")
    contacts.line("k1 100")
    assert closed(contacts, 0) == ["sos", "k1"]
    assert closed(contacts, 200) == ["sos"]


def test_lines_of_no_sense_are_counted() -> None:
    """A typing mistake presses nothing."""
    contacts = Contacts()
    for text in ("sos", "sos x", "door 100", "sos -5", "sos 0", "sos 9999999", "sos 1 1"):
        contacts.line(text)
    contacts.line("")
    assert contacts.refused == 7
    assert closed(contacts, 0) == []
