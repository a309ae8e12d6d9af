"""Contacts and keys under any sequence of levels."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.debounce import _BOOT_IGNORE_MS, _INTEGRATE_MS, Debouncer
from firmware.core.keys import Keys

# Phases of one contact: (closed, ms); long ones make keys stick.
PHASES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([10, 20, 40, 60, 100, 400, 700, 1_600, 31_000])), max_size=25
)


def edges_of(phases: list[tuple[bool, int]]) -> list[tuple[int, tuple[str, str]]]:
    """(ms, edge) of one key through these phases."""
    debouncer = Debouncer(("sos",), 0)
    now, out = _BOOT_IGNORE_MS, []
    for level, ms in phases:
        for _ in range(ms // 10):
            now += 10
            out += [(now, edge) for edge in debouncer.poll([level], now)]
    return out


@settings(max_examples=200, deadline=None)
@given(PHASES)
def test_edges_alternate_and_a_key_sticks_once_per_press(phases: list[tuple[bool, int]]) -> None:
    """press, then release; or press, stuck, free."""
    following = {
        None: {"press"},
        "press": {"release", "stuck"},
        "stuck": {"free"},
        "release": {"press"},
        "free": {"press"},
    }
    last: str | None = None
    for _, (what, _key) in edges_of(phases):
        assert what in following[last]
        last = what


@settings(max_examples=200, deadline=None)
@given(PHASES)
def test_a_level_that_holds_is_always_seen(phases: list[tuple[bool, int]]) -> None:
    """After a settled level the debouncer agrees with the contact, however it bounced before."""
    for level in (True, False):
        found = edges_of([*phases, (level, _INTEGRATE_MS)])
        down = bool(found) and found[-1][1][0] in ("press", "stuck")
        assert down == level


@settings(max_examples=200, deadline=None)
@given(PHASES, st.dictionaries(st.sampled_from(["sos_hold", "tap_window", "key_hold"]), st.integers()))
def test_whatever_is_configured_a_held_sos_fires_within_a_second(
    phases: list[tuple[bool, int]], times: dict[str, int]
) -> None:
    """And once per press; feedback precedes every fire."""
    keys = Keys(times)
    debouncer = Debouncer(("sos",), 0)
    now = _BOOT_IGNORE_MS
    fires_of_press = 0
    pressed_at: int | None = None
    fed_back = False
    for level, ms in [*phases, (False, 100)]:
        for _ in range(ms // 10):
            now += 10
            edges = debouncer.poll([level], now)
            actions = keys.edges(edges, now) + keys.tick(now)
            if ("press", "sos") in edges:
                assert actions[0] == ("feedback", "sos")
                pressed_at, fires_of_press, fed_back = now, 0, True
            fires_of_press += len([action for action in actions if action[0] == "fire"])
            assert fires_of_press <= 1
            assert fed_back or not fires_of_press
            if [edge for edge in edges if edge[0] in ("release", "free")]:
                pressed_at = None
            assert pressed_at is None or now - pressed_at < 1_000 or fires_of_press == 1
