"""Cuts and storms on demand: planned for a second of the run, or asked for while it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tools.simulated.control import obey, planned


class Asked:
    """What a fleet was asked to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.terminals = {name: Key(name, self.calls) for name in ("SIM000001", "SIM000002")}

    def cut(self, share: float, for_s: float) -> None:
        self.calls.append(("cut", share, for_s))

    def storm(self, per_s: float, for_s: float) -> None:
        self.calls.append(("storm", per_s, for_s))


class Key:
    def __init__(self, name: str, calls: list[tuple[Any, ...]]) -> None:
        self.name = name
        self.calls = calls

    def press(self, key: str, hold_ms: int) -> None:
        self.calls.append((self.name, key, hold_ms))


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("cut 0.3 60", ("cut", 0.3, 60.0)),
        ("storm 20 30\n", ("storm", 20.0, 30.0)),
        ("sos", ("SIM000001", "sos", 1200)),
        ("SIM000002 k1 200", ("SIM000002", "k1", 200)),
    ],
)
def test_a_line_is_obeyed(line: str, call: tuple[Any, ...]) -> None:
    """A key without a device is the first terminal's."""
    fleet = Asked()
    assert obey(fleet, line)  # type: ignore[arg-type]
    assert fleet.calls == [call]


@pytest.mark.parametrize("line", ["", "cut", "cut x 3", "storm 3", "k10", "SIM000009 sos", "sos -4", "storm x y"])
def test_a_line_that_asks_for_nothing_we_know_changes_nothing(line: str) -> None:
    """And is told to be so."""
    fleet = Asked()
    assert not obey(fleet, line)  # type: ignore[arg-type]
    assert fleet.calls == []


def test_what_is_planned_is_the_line_at_its_second() -> None:
    """AMOUNT@SECOND+SECONDS; a share is at most all."""
    plan = planned("cut", "0.3@60+30")
    assert (plan.at_s, plan.line) == (60.0, "cut 0.3 30.0")
    assert planned("storm", "20@5+2.5").line == "storm 20.0 2.5"
    for wrong in ("0.3", "1.1@5+5", "x@5+5", "0.3@5", "0.3@-5+5"):
        with pytest.raises(ValueError, match="--cut"):
            planned("cut", wrong)
