"""The self-test says what it found, what it could not test, and never gets in the way of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.core.clock import shanghai_midnight, shanghai_number
from firmware.core.schedule import _TEST_FROM_S, _TEST_TO_S, SelfTest
from firmware.modem.command import ATError
from protocol import codes, messages
from tests.firmware.app.bench import NOW, Bare, build, waiting

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from firmware.main import Terminal

MIDNIGHT = shanghai_midnight(shanghai_number(NOW))
DAY_S = 86_400


def bits(*parts: str) -> int:
    return sum(1 << codes.SELFTEST_PARTS.index(part) for part in parts)


def working(folder: Path, monkeypatch: pytest.MonkeyPatch, *, answers: bool = True) -> Terminal:
    """All well but for data: no session."""
    terminal = build(Bare(folder))

    async def command(*_: object, **__: object) -> None:
        if not answers:
            raise ATError("timeout")

    async def refresh() -> None:
        return None

    monkeypatch.setattr(terminal.modem.at, "command", command)
    monkeypatch.setattr(terminal.modem, "refresh", refresh)
    terminal.modem.ready, terminal.modem.sim, terminal.modem.reg = True, True, 1
    terminal.channels.voice.silent = False
    terminal.clock.set(NOW, terminal.board.now())
    return terminal


def events(terminal: Terminal) -> list[tuple[object, object]]:
    return [(fields["ev"], fields.get("val")) for kind, fields in waiting(terminal) if kind == "event"]


async def test_what_failed_is_told_once_and_its_end_with_what_could_not_be_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A SIM800 cannot hear its own loudspeaker: that is said, not passed."""
    terminal = working(tmp_path, monkeypatch)
    assert await terminal.selftest.test() == bits("data")
    assert terminal.selftest.untested == bits("battery", "mic", "speaker")
    assert terminal.telemetry.beats.figures()["test"] == bits("data")
    terminal.modem.sim = False
    assert await terminal.selftest.test() == bits("data", "sim")
    assert events(terminal) == [("selftest_failed", bits("data"))]
    terminal.modem.sim = True
    terminal.telemetry.supply.data = lambda: False  # type: ignore[method-assign]
    terminal.modem.mv = 4_000
    assert await terminal.selftest.test() == 0
    assert terminal.selftest.untested == bits("data", "mic", "speaker")
    assert [name for name, _ in events(terminal)] == ["selftest_passed"]
    assert "selftest_failed" not in terminal.telemetry.faults


async def test_a_dead_modem_a_stuck_key_and_broken_storage_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its own bit."""
    terminal = working(tmp_path, monkeypatch, answers=False)
    terminal.telemetry.stuck("k1")
    terminal.storage.folder = str(tmp_path / "gone")
    failed = await terminal.selftest.test()
    assert failed == bits("modem", "data", "keys", "storage")


async def test_the_result_of_a_command_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys that nobody ever pressed as a bit mask."""
    terminal = working(tmp_path, monkeypatch)
    terminal.modem.mv = 4_000
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    terminal.alarm._fire("cancel", "short", 0, terminal.board.now())
    await terminal.commands._do({"cid": "c1", "do": "selftest", "exp": NOW + 60})
    (result,) = terminal.outbox.held("result")
    messages.encode("up", "result", result | {"s": None, "t": None})
    vals = result["vals"]
    assert isinstance(vals, list)
    figures = dict(vals)
    assert figures["failed"] == bits("data")
    assert figures["mv"] == 4_000
    assert figures["unpressed"] == 0b01111111110


async def test_an_alarm_ends_a_test_without_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would have found was of its own making."""
    terminal = working(tmp_path, monkeypatch)

    async def refresh() -> None:
        terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
        terminal.alarm._facts(terminal.board.now())

    monkeypatch.setattr(terminal.modem, "refresh", refresh)
    terminal.telemetry.busy = lambda: terminal.ladder.running
    assert await terminal.selftest.test() is None
    assert "selftest_failed" not in terminal.telemetry.faults
    await terminal.commands._do({"cid": "c1", "do": "selftest", "exp": NOW + 60})
    assert terminal.outbox.held("result")[0]["st"] == "refused"


async def test_pressed_keys_and_the_last_verdict_outlive_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since installation means: ever."""
    first = working(tmp_path, monkeypatch)
    first.selftest.pressed("k3")
    await first.selftest.test()
    second = working(tmp_path, monkeypatch)
    assert second.selftest.unpressed == first.selftest.unpressed
    assert second.telemetry.beats.failed == bits("data")


async def test_it_runs_by_itself_once_a_week_by_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look each half hour for four weeks."""
    terminal = working(tmp_path, monkeypatch)
    board = terminal.board
    start, runs = board.now(), []
    terminal.clock.set(MIDNIGHT, start)
    terminal.clock.set(MIDNIGHT, start + 30_000)
    for half_hour in range(4 * 7 * 48):
        board.ms = start + half_hour * 1_800_000  # type: ignore[attr-defined]
        before = terminal.selftest._last
        await terminal.selftest.look(board.now())
        if terminal.selftest._last != before:
            runs.append(terminal.clock.epoch(board.now()))
    assert len(runs) == 5, "one soon after installation, then one a week"
    for at in runs:
        assert at is not None
        assert _TEST_FROM_S <= (at - MIDNIGHT) % DAY_S < _TEST_TO_S


def test_no_two_streets_test_at_the_same_minute() -> None:
    """The hours and the days of the week spread over the fleet; without a clock nobody tests by guess."""
    first: list[int] = []
    for number in range(200):
        plan = SelfTest(f"OKC{number:05}")
        assert not plan.due(10**9, None, None, 7)
        last = MIDNIGHT - DAY_S
        due = (at for at in range(MIDNIGHT, MIDNIGHT + 8 * DAY_S, 600) if plan.due(10**9, at, last, 7))
        first.append(next(due))
    assert len({at // DAY_S for at in first}) >= 6
    assert len(set(first)) > 100
