"""When a lane is called healthy: at work, or standing by; each limit from both sides."""

from __future__ import annotations

import pytest

from cloud.ingest.health import LOOK_S, QUIET_S, wrong

WORKS = {"connected": 1.0, "beaten_s": QUIET_S, "lag_s": QUIET_S}


def test_at_the_limits_it_works() -> None:
    assert wrong(held=True, looked_s=LOOK_S, present=WORKS) == []


@pytest.mark.parametrize(
    ("less", "reason"),
    [
        ({"connected": 0.0}, "not connected to the broker"),
        ({"beaten_s": QUIET_S + 0.1}, "no beat was committed lately"),
        ({"lag_s": QUIET_S + 0.1}, "what arrived is not committed"),
    ],
)
def test_each_thing_that_fails_has_its_reason(less: dict[str, float], reason: str) -> None:
    assert wrong(held=True, looked_s=0.0, present=WORKS | less) == [reason]


def test_who_has_just_got_the_lease_is_not_healthy_before_its_first_beat() -> None:
    """Else a lane that never gets to work would look well for ever."""
    assert wrong(held=True, looked_s=0.0, present={}) == ["not connected to the broker", "no beat was committed lately"]


@pytest.mark.parametrize("looked_s", [None, LOOK_S + 0.1])
def test_a_stand_by_needs_nothing_but_word_of_the_lease(looked_s: float | None) -> None:
    """Without it nobody knows whether it would follow."""
    assert wrong(held=False, looked_s=0.5, present={}) == []
    assert wrong(held=False, looked_s=looked_s, present={}) == ["no word of the lease from the database"]
