"""The open alarm in the chip's storage: small enough, whole or absent, and not taken up when it is of long ago."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.app.kept import _NAME, Kept
from firmware.core import limits, resume
from firmware.core.attempt import Alarm, Attempt
from firmware.core.lines import pack
from firmware.hal.base import NVS_BLOB_MAX, Nvs
from tests.firmware.app.bench import NOW, Bare, Live, build, waiting
from tests.firmware.modem.peer import end, settle

if TYPE_CHECKING:
    from pathlib import Path


class Cut(Nvs):
    """A chip that loses power at the n-th write: before or after it."""

    def __init__(self, at: int, after: bool) -> None:
        self.values: dict[str, bytes] = {}
        self.at, self.after, self.writes = at, after, 0

    def get(self, name: str) -> bytes | None:
        return self.values.get(name)

    def set(self, name: str, data: bytes) -> bool:
        self.writes += 1
        if self.writes != self.at or self.after:
            self.values[name] = data
        if self.writes == self.at:
            raise KeyboardInterrupt
        return True

    def remove(self, name: str) -> None:
        self.values.pop(name, None)


def largest() -> dict[str, object]:
    """An alarm with everything that can be in it, as large as the wire allows."""
    rungs = [("屏" * 12, f"+{10**18 + n}", 90, 1) for n in range(8)]
    alarm = Alarm("sos", "ffffffff.9999999.99999999", rungs, 10**9)
    alarm.refs = [f"ffffffff.9999999.9999999{n}" for n in range(8)]
    alarm.plan = list(rungs)
    alarm.src, alarm.case = "route", "c" * 36
    alarm.tried = [rung[1] for rung in rungs]
    alarm.last = rungs[0][1]
    alarm.texts.begin(1, [(rung[1], rung[0]) for rung in rungs[:5]], 0)
    return resume.pack(alarm, Attempt(alarm, 10**6, 7, "out", 0), 10**6)


def test_the_largest_alarm_fits_and_still_reaches_everybody(tmp_path: Path) -> None:
    """Names are shortened; numbers and presses are not."""
    kept = Kept(build(Bare(tmp_path)).board.nvs)
    whole = largest()
    assert len(pack(whole)) > NVS_BLOB_MAX
    assert kept.store(whole, NOW)
    dump = kept.load()
    assert dump is not None
    found = resume.unpack(dump, 0)
    assert found is not None
    alarm = found[0]
    numbers = [rung[1] for rung in alarm.plan]
    assert numbers == [f"+{10**18 + n}" for n in range(8)]
    assert alarm.refs == ["ffffffff.9999999.99999990", "ffffffff.9999999.99999997"]
    assert alarm.texts.pending


def test_a_small_alarm_is_kept_as_it_is_and_an_ended_one_is_forgotten(tmp_path: Path) -> None:
    """What is the same again is not written again: the chip's pages wear."""
    nvs = Cut(0, after=True)
    kept = Kept(nvs)
    alarm = Alarm("sos", "0123abcd.1.1", [("值班台", "01055500001", 30, 1)], 1)
    dump = resume.pack(alarm, None, 0)
    assert kept.store(dict(dump), None)
    assert kept.store(dict(dump), None)
    assert nvs.writes == 1
    assert Kept(nvs).load() == {**dump, "t": None, "stored": [["值班台", "01055500001", 30, 1]]}
    assert kept.store(None, None)
    assert Kept(nvs).load() is None


@pytest.mark.parametrize("raw", [b"", b"x", b"00000000 {}\n", pack([1]), pack({"key": "sos"}), b"\xff" * 1900])
async def test_whatever_the_chip_holds_the_keys_dial(tmp_path: Path, raw: bytes) -> None:
    """Nothing half is taken up, and a press goes its way."""
    terminal = build(Bare(tmp_path))
    terminal.board.nvs.set(_NAME, raw)
    terminal.modem.ready, terminal.modem.reg = True, 1
    terminal.alarm.before.left = terminal.alarm.kept.load()
    given: list[tuple[object, ...]] = []
    terminal.alarm.orders.give = given.append  # type: ignore[method-assign, assignment]
    terminal.alarm._facts(1000)
    terminal.alarm._fire("sos", "hold", 700, 1000)
    assert [order[0] for order in given] == ["dial"]


@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_at_any_write_leaves_the_alarm_before_or_after_it(tmp_path: Path, after: bool) -> None:
    """Never half of one, and never one without an open press."""
    for cut_at in range(1, 6):
        board = Bare(tmp_path / f"{after}{cut_at}")
        (tmp_path / f"{after}{cut_at}").mkdir()
        nvs = Cut(cut_at, after)
        board.nvs = nvs
        terminal = build(board)
        terminal.modem.ready, terminal.modem.reg = True, 1
        terminal.alarm.orders.give = lambda order: None  # type: ignore[method-assign]
        nvs.writes, nvs.at = 0, cut_at
        ref = None
        try:
            terminal.alarm._facts(1000)
            terminal.alarm._fire("sos", "hold", 700, 1000)
            ref = terminal.ladder.ref
            for _ in range(12):
                terminal.alarm.store()
                count = terminal.ladder._count
                terminal.alarm.act(terminal.ladder.call(count, "ended", board.ms, "busy"))
                board.ms += limits.AGAIN_MS
                terminal.alarm.act(terminal.ladder.tick(board.ms))
        except KeyboardInterrupt:
            pass
        dump = Kept(nvs).load()
        if dump is not None:
            found = resume.unpack(dump, 0)
            assert found is not None
            assert found[0].ref == ref
        assert dump is not None or (cut_at == 1 and not after)
        assert nvs.writes == cut_at


def kept_at(folder: Path, epoch: int | None) -> str:
    """A terminal that was cut off with an open SOS at that time; the press."""
    first = build(Bare(folder))
    if epoch is not None:
        first.clock.set(epoch, 1000)
    first.modem.ready, first.modem.reg = True, 1
    first.alarm._facts(1000)
    first.alarm._fire("sos", "hold", 700, 1000)
    first.sender.store()
    first.alarm.store()
    assert first.ladder.ref is not None
    return first.ladder.ref


@pytest.mark.parametrize(("passed_s", "resumed"), [(60, True), (5 * 3600, True), (7 * 3600, False), (None, True)])
async def test_an_alarm_is_taken_up_again_unless_it_is_known_to_be_old(
    tmp_path: Path, passed_s: int | None, resumed: bool
) -> None:
    """An unknown age is taken for a young one: a call in vain costs less than none."""
    ref = kept_at(tmp_path, None if passed_s is None else NOW - passed_s)
    live = Live(tmp_path)
    try:
        live.terminal.clock.set(NOW, live.board.now())
        await live.alarm.before.resume()
        if resumed:
            await settle(lambda: live.dials() != [], 8.0)
            assert live.terminal.ladder.ref == ref
            assert live.alarm.back.open(live.board.now())
        else:
            assert live.terminal.ladder.ref is None
            told = [fields for kind, fields in waiting(live.terminal) if fields.get("ev") == "ladder_outdated"]
            assert [fields["ref"] for fields in told] == [ref]
            live.alarm.store()
            assert live.board.nvs.get(_NAME) is None
    finally:
        await live.close()


@pytest.mark.parametrize(("cause", "waits"), [("power", True), ("watchdog", False)])
async def test_after_a_loss_of_power_the_time_is_waited_for_and_a_warm_start_goes_on_at_once(
    tmp_path: Path, cause: str, waits: bool
) -> None:
    """The bound of the wait is part of the minute in which an alarm goes on."""
    kept_at(tmp_path, NOW)
    live = Live(tmp_path)
    live.board.reset_cause = lambda: cause  # type: ignore[method-assign]
    try:
        resuming = asyncio.create_task(live.alarm.before.resume())
        if waits:
            await settle(lambda: "AT+CLCC" in live.peer.commands())
            await asyncio.sleep(0.3)
            assert live.terminal.ladder.ref is None
            live.terminal.clock.set(NOW, live.board.now())
        await settle(lambda: live.terminal.ladder.ref is not None)
        await end(resuming)
    finally:
        await live.close()


@pytest.mark.parametrize(("known", "passed_s", "opens"), [(True, 600, True), (True, 3700, False), (False, 600, True)])
def test_a_restart_does_not_close_the_window_in_which_the_desk_is_answered(
    tmp_path: Path, known: bool, passed_s: int, opens: bool
) -> None:
    """The call that resets the terminal is the one that the desk tries to make again."""
    first = build(Bare(tmp_path))
    if known:
        first.clock.set(NOW - passed_s, 1000)
    first.alarm._fire("sos", "hold", 700, 1000)
    first.alarm._fire("cancel", "short", 0, 2000)
    first.sender.store()
    first.alarm.store()
    second = build(Bare(tmp_path))
    second.alarm.back.resume(1000)
    assert second.alarm.back.open(1000)
    second.clock.set(NOW, 1000)
    assert second.alarm.back.open(1000) == opens
    second.alarm.store()
    assert (second.board.nvs.get("back") is not None) == opens


def cut_after_the_press(folder: Path, *keys: str) -> list[str]:
    """Presses that reached the outbox's file, and an alarm that did not reach the chip; their ids."""
    first = build(Bare(folder))
    first.board.nvs.set = lambda name, data: False  # type: ignore[method-assign]
    first.modem.ready, first.modem.reg = True, 1
    first.alarm.orders.give = lambda order: None  # type: ignore[method-assign]
    first.alarm._facts(1000)
    for key in keys:
        first.alarm._fire(key, "hold", 700, 1000)
    first.sender.store()
    return [str(fields["id"]) for fields in first.outbox.held("press")]


@pytest.mark.parametrize("key", ["sos", "k1"])
async def test_a_press_that_was_stored_without_its_alarm_is_called_for(tmp_path: Path, key: str) -> None:
    """The power went between the two: the cloud knows of it, and the elder waits."""
    (ref,) = cut_after_the_press(tmp_path, key)
    live = Live(tmp_path)
    try:
        await live.alarm.before.resume()
        await settle(lambda: live.dials() != [], 8.0)
        assert live.terminal.ladder.ref == ref
    finally:
        await live.close()
    after = build(Bare(tmp_path))
    dump = after.alarm.kept.load()
    assert dump is not None  # at once, lest the next cut finds nothing
    assert dump["refs"] == [ref]


@pytest.mark.parametrize("what", ["cancel", "talk", "test"])
def test_a_press_that_was_dealt_with_is_not_called_for_again(tmp_path: Path, what: str) -> None:
    """Called off, or a call has come of it, or it was none."""
    first = build(Bare(tmp_path))
    first.modem.ready, first.modem.reg = True, 1
    first.alarm.orders.give = lambda order: None  # type: ignore[method-assign]
    first.alarm._facts(1000)
    first.alarm._fire("sos", "test" if what == "test" else "hold", 700, 1000)
    if what == "cancel":
        first.alarm._fire("cancel", "short", 0, 2000)
    elif what == "talk":
        first.alarm.act(first.ladder.call(1, "active", 2000))
    first.sender.store()
    second = build(Bare(tmp_path))
    assert second.alarm.presses.left() is None


def test_an_alarm_that_was_called_off_but_not_yet_forgotten_is_not_taken_up(tmp_path: Path) -> None:
    """The power went between the Cancel on storage and the chip."""
    first = build(Bare(tmp_path))
    first.alarm._fire("sos", "hold", 700, 1000)
    first.sender.store()
    first.alarm.store()
    first.alarm._fire("cancel", "short", 0, 2000)
    first.sender.then = lambda: None
    first.sender.store()
    second = build(Bare(tmp_path))
    assert second.alarm.kept.load() is not None
    second.alarm.before.load()
    assert not second.alarm.before.waits
    second.alarm.store()
    assert second.board.nvs.get(_NAME) is None


@pytest.mark.parametrize("before", ["k1", "over"])
def test_a_press_that_took_the_place_of_a_stored_alarm_is_what_is_called_for(tmp_path: Path, before: str) -> None:
    """The red key over a service key, or any key after an alarm that is over: the power went before the chip knew."""
    first = build(Bare(tmp_path))
    first.alarm._fire("k1" if before == "k1" else "sos", "short", 100, 1000)
    if before == "over":
        first.alarm.act(first.ladder.desk(str(first.ladder.ref), "accepted", 1500))
        first.alarm.act(first.ladder.call(1, "ended", 1600, "busy"))
        first.alarm.act(first.ladder.tick(6000))
        assert not first.ladder.running
    first.sender.store()
    first.alarm.store()
    assert first.alarm.kept.load() is not None
    first.alarm._fire("sos", "hold", 700, 8000)
    ref = first.ladder.ref
    first.sender.then = lambda: None
    first.sender.store()
    second = build(Bare(tmp_path))
    second.alarm.before.load()
    assert second.alarm.before.waits
    assert second.alarm.before.left is not None
    assert second.alarm.before.left["refs"] == [ref]


def test_a_service_key_takes_no_emergencys_place(tmp_path: Path) -> None:
    """The stored red alarm goes on, whatever was pressed after it."""
    first = build(Bare(tmp_path))
    first.alarm._fire("sos", "hold", 700, 1000)
    ref = first.ladder.ref
    first.sender.store()
    first.alarm.store()
    first.alarm._fire("k1", "short", 100, 8000)
    first.sender.then = lambda: None
    first.sender.store()
    second = build(Bare(tmp_path))
    second.alarm.before.load()
    assert second.alarm.before.left is not None
    assert second.alarm.before.left["refs"] == [ref]
