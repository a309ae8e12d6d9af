"""The key loop: how soon it looks, what comes first, and how little it does while nothing happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.firmware.app.bench import Bare, build
from tests.firmware.modem.peer import end

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOS = 0  # place of the red key among the contacts


class Paced(Bare):
    """Time goes on by what the loop waits for. `touches`: [from ms, to ms) in which the red key's contact is closed.

    `sure`: an edge ends the wait; else its interrupt is lost and the wait takes its whole time.
    """

    def __init__(self, folder: Path, touches: list[tuple[int, int]], *, sure: bool, idle_ms: int = 500) -> None:
        super().__init__(folder)
        self.touches = touches
        self.sure = sure
        self.idle_ms = idle_ms
        self.looks = 0
        self.at: list[tuple[int, str, dict[str, Any]]] = []

    def closed(self, ms: int) -> bool:
        return any(begin <= ms < until for begin, until in self.touches)

    def levels(self) -> list[bool]:
        self.looks += 1
        return [index == SOS and self.closed(self.ms) for index in range(len(self.keys))]

    async def edge(self, limit_ms: int) -> None:
        await asyncio.sleep(0)
        for ms in range(self.ms + 1, self.ms + limit_ms):
            if self.sure and self.closed(ms) != self.closed(self.ms):
                self.ms = ms
                return
        self.ms += limit_ms

    def note(self, what: str, fields: dict[str, Any]) -> None:
        self.at.append((self.ms, what, fields))


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's own waits move the board's time too."""

    async def passes(seconds: float) -> None:
        await real(0)
        Clock.board.ms += round(seconds * 1000)

    real = asyncio.sleep
    monkeypatch.setattr("firmware.app.alarm.asyncio.sleep", passes)


class Clock:
    """The board whose time passes."""

    board: Paced


async def lived(board: Paced, until: int) -> Paced:
    """A terminal's key loop on that board until an uptime; its modem is registered and its calls go nowhere."""
    Clock.board = board
    terminal = build(board)
    terminal.modem.ready, terminal.modem.reg = True, 1
    terminal.alarm.orders.give = lambda order: board.note("order", {"what": order[0]})  # type: ignore[method-assign]
    task = asyncio.create_task(terminal.alarm.run())
    while board.ms < until:
        await asyncio.wait([task], timeout=0.001)
        assert not task.done(), task
    await end(task)
    return board


@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("begin", [5_000, 5_007, 5_013, 5_029, 5_049])
async def test_lamp_and_tone_follow_the_contact_within_100_ms_even_if_the_edge_is_lost(
    tmp_path: Path, paced: None, sure: bool, begin: int
) -> None:
    """Whatever the machine promises about its interrupts: the loop looks at least each 50 ms."""
    board = await lived(Paced(tmp_path, [(begin, begin + 1_500)], sure=sure), begin + 1_000)
    lamp = next(ms for ms, what, fields in board.at if what == "lamp" and fields["state"] == "pressed")
    tone = next(ms for ms, what, fields in board.at if what == "beep" and fields["name"] == "key")
    assert max(lamp, tone) - begin <= 100
    dialled = next(ms for ms, what, fields in board.at if what == "order" and fields["what"] == "dial")
    assert dialled - begin <= 100 + 700


async def test_a_terminal_at_rest_looks_20_times_a_second_at_most(tmp_path: Path, paced: None) -> None:
    """And 100 times while a key is down: the battery pays for each look."""
    board = await lived(Paced(tmp_path, [], sure=True), 61_000)
    assert board.looks <= board.ms // 50 + 2
    busy = await lived(Paced(tmp_path, [(2_000, 30_000)], sure=True), 30_000)
    assert busy.looks >= 28 * 95


async def test_a_key_that_sticks_does_not_keep_the_loop_awake(tmp_path: Path, paced: None) -> None:
    """Ignored until it is let go, and its release is seen all the same."""
    board = Paced(tmp_path, [(2_000, 100_000), (101_000, 102_000)], sure=True)
    await lived(board, 60_000)
    assert len([ms for ms, what, _ in board.at if what == "press"]) == 1
    assert board.looks < 31 * 100 + 30 * 20


def test_the_dial_is_ordered_before_anything_is_told_or_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON and storage take the chip longer than the modem's line takes the order."""
    terminal = build(Bare(tmp_path))
    log: list[str] = []
    monkeypatch.setattr(terminal.alarm.orders, "give", lambda order: log.append(str(order[0])))

    def logged(name: str) -> Callable[..., dict[str, object]]:
        def call(*_: object) -> dict[str, object]:
            log.append(name)
            return {}

        return call

    for thing, name in ((terminal.mail, "keep"), (terminal.mail, "stamp"), (terminal.board, "note")):
        monkeypatch.setattr(thing, name, logged(name))
    terminal.modem.ready, terminal.modem.reg = True, 1
    terminal.alarm._facts(1000)
    log.clear()
    terminal.alarm._fire("sos", "hold", 700, 1000)
    assert log[0] == "dial"
    assert "keep" in log[1:]


def test_the_lamp_is_lit_before_a_fired_cancel_is_worked_off(tmp_path: Path) -> None:
    """Cancel fires with its press edge; what follows may take the chip some time."""
    terminal = build(Bare(tmp_path))
    terminal.alarm._on_key(("feedback", "cancel"), 1000)
    assert ("beep", {"name": "key"}) in terminal.board.notes  # type: ignore[attr-defined]


def test_after_an_sos_the_loudspeaker_is_at_its_loudest_as_long_as_callers_are_answered(tmp_path: Path) -> None:
    """Then as the district has set it."""
    terminal = build(Bare(tmp_path))
    terminal.alarm._facts(1000)
    assert terminal.modem.volume == 90
    terminal.alarm._fire("sos", "hold", 700, 1000)
    terminal.alarm._facts(1000)
    assert terminal.modem.volume == 100
    terminal.alarm._fire("cancel", "short", 0, 2000)
    terminal.alarm._facts(60 * 60_000)
    assert terminal.modem.volume == 100
    terminal.alarm._facts(62 * 60_000)
    assert terminal.modem.volume == 90
