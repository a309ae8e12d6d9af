"""An identity is there whole or not at all; without one the keys dial and nothing else happens."""

from __future__ import annotations

import pytest

from firmware.app import identity
from tests.firmware.app.test_supervisor import Cells

GIVEN = ("OKC100001", b"secret", "mqtt.example:8883", [b"root one", b"root two"])


def test_what_provisioning_wrote_is_read() -> None:
    """Device, password, server, roots."""
    cells = Cells()
    assert identity.write(cells, *GIVEN)
    who = identity.read(cells)
    assert (who.device, who.password, who.server, who.roots) == GIVEN
    assert who.complete


def test_roots_of_before_do_not_stay() -> None:
    """A root that is taken away is trusted no longer."""
    cells = Cells()
    identity.write(cells, *GIVEN)
    identity.write(cells, *GIVEN[:3], [b"root three"])
    assert identity.read(cells).roots == [b"root three"]


def test_a_terminal_without_an_identity_has_no_data() -> None:
    """It still is a terminal."""
    who = identity.read(Cells())
    assert not who.complete
    assert (who.device, who.password, who.server, who.roots) == (identity._NAMELESS, b"", "", [])


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("device", b"\xff\xfe"),
        ("device", b"lower"),
        ("server", b"no port"),
        ("server", b"h:99999"),
        ("server", b"\xff"),
    ],
)
def test_nonsense_is_as_if_it_were_not_there(name: str, raw: bytes) -> None:
    """Whatever the reason."""
    cells = Cells()
    identity.write(cells, *GIVEN)
    cells.values[name] = raw
    assert not identity.read(cells).complete


def test_a_write_that_fails_leaves_no_half_identity() -> None:
    """At whichever value the power goes or the storage is full."""

    class Full(Cells):
        room = 0

        def set(self, name: str, data: bytes) -> bool:
            self.room -= 1
            return self.room >= 0 and super().set(name, data)

    whole = 5
    for room in range(whole):
        cells = Full()
        cells.room = room
        assert not identity.write(cells, *GIVEN)
        assert not identity.read(cells).complete
    cells = Full()
    cells.room = whole
    assert identity.write(cells, *GIVEN)


def test_what_no_terminal_may_be_called_is_refused() -> None:
    """Before anything is written."""
    cells = Cells()
    assert not identity.write(cells, "x", *GIVEN[1:])
    assert not identity.write(cells, GIVEN[0], b"x" * 129, *GIVEN[2:])
    assert not identity.write(cells, *GIVEN[:2], "nowhere", [])
    assert not identity.write(cells, *GIVEN[:3], [b"x"] * 4)
    assert cells.values == {}
