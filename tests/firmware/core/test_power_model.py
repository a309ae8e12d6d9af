"""Whatever is measured: faults and restores alternate, and a state that lasts is told."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import power
from firmware.core.power import Power

SAMPLE = st.tuples(
    st.sampled_from([None, 0, 1]),
    st.none() | st.integers(0, 5_000),
    st.none() | st.integers(-40, 100),
    st.booleans(),
    st.integers(1, 120),
)
FAULTS = ("mains_lost", "battery_low", "battery_critical", "battery_absent", "temperature_high")


@settings(max_examples=100, deadline=None)
@given(st.lists(SAMPLE, max_size=12), st.sets(st.sampled_from(FAULTS)))
def test_every_fault_is_followed_by_its_restore_and_nothing_else(
    samples: list[tuple[int | None, int | None, int | None, bool, int]], was_open: set[str]
) -> None:
    """And after three quiet minutes on mains with a full, cool cell all are well."""
    unit = Power(tuple(was_open))
    open_ = set(was_open)
    now = 0
    for mains, mv, temp, in_call, seconds in [*samples, (1, 4_100, 25, False, 180)]:
        for _ in range(seconds):
            now += 1_000
            for what, name, since in unit.tick(now, mains, mv, temp, in_call=in_call):
                assert since <= now
                assert (what == "fault") == (name not in open_)
                open_ ^= {name}
            assert unit.failing == bool(open_ - {"mains_lost"})
    assert open_ == set()
    assert unit.level is power.NORMAL
