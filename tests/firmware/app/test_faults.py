"""A fault is told once, its twin once: through restarts, power cuts and a clock that comes late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol import codes
from tests.firmware.app.bench import NOW, Bare, build, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from firmware.main import Terminal


def events(terminal: Terminal) -> list[tuple[str, int | None, str | None]]:
    return [(str(f["ev"]), f.get("val"), f.get("txt")) for k, f in waiting(terminal) if k == "event"]  # type: ignore[misc]


def receipted(terminal: Terminal) -> None:
    terminal.outbox.receipt([entry.id for entry in terminal.outbox._entries], terminal.board.now())
    terminal.sender.store()


def test_a_fault_open_at_a_restart_gets_its_twin_with_its_length(tmp_path: Path) -> None:
    """It is not told a second time, and the length is that of both boots."""
    first = build(Bare(tmp_path))
    first.clock.set(NOW, first.board.now())
    first.telemetry.notice("sim_absent")
    receipted(first)
    second = build(Bare(tmp_path))
    second.clock.set(NOW + 100, second.board.now())
    second.telemetry.notice("sim_absent")
    assert events(second) == []
    assert second.telemetry.has_fault()
    second.modem.sim = True
    second.telemetry._left_over(second.board.now())
    assert ("sim_back", 100, None) in events(second)
    receipted(second)
    third = build(Bare(tmp_path))
    third.modem.sim = True
    third.telemetry._left_over(third.board.now())
    assert [name for name, _, _ in events(third) if name == "sim_back"] == []


def test_each_stuck_key_has_a_fault_of_its_own(tmp_path: Path) -> None:
    """One let go after a restart is told with its name."""
    first = build(Bare(tmp_path))
    for key in ("k1", "k2"):
        first.telemetry.stuck(key)
    first.telemetry.free("k2")
    assert events(first) == [("key_stuck", None, "k1"), ("key_stuck", None, "k2"), ("key_free", 0, "k2")]
    receipted(first)
    second = build(Bare(tmp_path))
    second.telemetry._left_over(second.board.now())
    assert "key_free" not in [name for name, _, _ in events(second)], "it may still be held"
    second.board.ms = 60_000  # type: ignore[attr-defined]
    second.telemetry._left_over(second.board.now())
    assert ("key_free", None, "k1") in events(second)


@pytest.mark.parametrize(
    ("fault", "attribute", "value"), [("under_voltage", "mv", 3_900), ("modem_silent", "mv", None)]
)
def test_what_only_a_report_would_end_is_looked_at_after_a_restart(
    tmp_path: Path, fault: str, attribute: str, value: int | None
) -> None:
    """The report may have come while the terminal was off."""
    first = build(Bare(tmp_path))
    first.telemetry.notice(fault)
    receipted(first)
    second = build(Bare(tmp_path))
    second.telemetry._left_over(second.board.now())
    twin = dict(codes.FAULTS)[fault]
    assert twin not in [name for name, _, _ in events(second)]
    second.modem.ready, second.channels.voice.silent = True, False
    setattr(second.modem, attribute, value)
    second.telemetry._left_over(second.board.now())
    assert twin in [name for name, _, _ in events(second)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["fault", "well", "restart"]), st.sampled_from(["sim_absent", "mains_lost"])))
)
def test_faults_and_twins_alternate_whatever_happens(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    """As the cloud sees them, over any number of restarts."""
    for old in tmp_path.iterdir():
        old.unlink()
    terminal = build(Bare(tmp_path))
    told: list[str] = []
    for what, name in steps:
        if what == "fault":
            terminal.telemetry.fault(name)
        elif what == "well":
            terminal.telemetry.restore(name)
        told += [ev for ev, _, _ in events(terminal)]
        receipted(terminal)
        if what == "restart":
            terminal = build(Bare(tmp_path))
    for fault in ("sim_absent", "mains_lost"):
        seen = [ev for ev in told if ev in (fault, dict(codes.FAULTS)[fault])]
        assert seen == [(fault, dict(codes.FAULTS)[fault])[at % 2] for at in range(len(seen))]
