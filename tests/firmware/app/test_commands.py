"""Messages from the cloud are acted on once, in time, and only if they are whole and ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.app import telemetry
from firmware.net import mqtt
from protocol import codes, messages, topics
from tests.firmware.app.bench import DEVICE, NOW, Bare, build, give, waiting
from tests.firmware.modem.peer import end, settle

if TYPE_CHECKING:
    from pathlib import Path

    from firmware.main import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return build(Bare(tmp_path))


def test_a_receipt_empties_the_outbox_and_nothing_else_does(terminal: Terminal) -> None:
    """Forgotten by name only."""
    first = terminal.mail.post("event", {"ev": "test_due"})
    second = terminal.mail.post("event", {"ev": "test_due"})
    give(terminal, "receipt", {"of": [first]})
    assert [fields["id"] for _, fields in waiting(terminal)] == [second]


def test_an_expired_route_is_not_acted_on(terminal: Terminal) -> None:
    """An hour-old plan must not decide who is called now."""
    terminal.clock.set(NOW, terminal.board.now())
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    ref = terminal.ladder.ref
    plan = [["女儿", "13800000001", 20, 0]]
    give(terminal, "route", {"ref": ref, "case": "c", "ver": 1, "plan": plan, "exp": NOW - 1})
    notes = [name for name, _ in terminal.board.notes]  # type: ignore[attr-defined]
    assert "expired" in notes
    assert "route" not in notes


def test_a_press_needs_no_outbox_to_dial(terminal: Terminal) -> None:
    """Whatever fails on the way to the cloud, the ladder starts."""

    def fail(*_: object) -> str:
        raise MemoryError

    add = terminal.outbox.add
    terminal.outbox.add = fail  # type: ignore[method-assign, assignment]
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    assert terminal.ladder.running
    assert terminal.alarm.presses.faults >= 1
    terminal.outbox.add = add  # type: ignore[method-assign]
    terminal.alarm.presses.keep()
    assert [(kind, fields["id"]) for kind, fields in waiting(terminal)] == [("press", terminal.ladder.ref)]


def test_a_message_for_another_terminal_or_of_no_sense_changes_nothing(terminal: Terminal) -> None:
    """Counted, and complained about once a minute at most."""
    other = topics.build("down", "config", "OTHER01")
    terminal.commands.on_message(other, b"{}")
    assert terminal.commands.refused == 0
    for payload in (b"", b"{", b"{}", b'{"v":2}', b"\xff" * 2000):
        terminal.commands.on_message(topics.build("down", "config", DEVICE), payload)
    assert terminal.commands.refused == 5
    events = [fields for kind, fields in waiting(terminal) if kind == "event"]
    assert [fields["ev"] for fields in events] == ["message_refused"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from(codes.DOWN_KINDS), st.binary(max_size=200))
def test_no_payload_raises(terminal: Terminal, kind: str, payload: bytes) -> None:
    """The reader of the session must not die of one."""
    terminal.commands.on_message(topics.build("down", kind, DEVICE), payload)


def test_every_fault_is_told_once_and_its_twin_once(terminal: Terminal) -> None:
    """With the duration in the twin."""
    terminal.telemetry.notice("sim_absent")
    terminal.telemetry.notice("sim_absent")
    terminal.board.ms += 5000  # type: ignore[attr-defined]
    terminal.telemetry.notice("sim_back")
    terminal.telemetry.notice("sim_back")
    events = [(fields["ev"], fields.get("val")) for _, fields in waiting(terminal)]
    assert events == [("sim_absent", None), ("sim_back", 5)]


def test_every_message_of_the_terminal_keeps_the_contract(terminal: Terminal) -> None:
    """What the terminal posts, the protocol encodes; with and without a clock."""
    terminal.telemetry.beats.figures()
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    terminal.alarm._fire("cancel", "short", 0, terminal.board.now())
    terminal.telemetry.stuck("k1")
    for kind, fields in waiting(terminal):
        messages.encode("up", kind, fields)
    beat = terminal.mail.stamp() | terminal.telemetry.beats.figures()
    messages.encode("up", "hb", beat | {"s": beat["u"]})
    for st_ in codes.STATES:
        terminal._state(st_)


def test_without_a_clock_an_answer_counts_for_two_minutes_after_the_press(terminal: Terminal) -> None:
    """The open press alone decides then, and not for ever."""
    board = terminal.board
    terminal.alarm._fire("sos", "hold", 700, board.now())
    ref = terminal.ladder.ref
    plan = [["女儿", "13800000001", 20, 0]]
    board.ms += 119_000  # type: ignore[attr-defined]
    give(terminal, "route", {"ref": ref, "case": "c", "ver": 1, "plan": plan, "exp": 1})
    board.ms += 2_000  # type: ignore[attr-defined]
    give(terminal, "route", {"ref": ref, "case": "c", "ver": 2, "plan": plan, "exp": NOW})
    give(terminal, "desk", {"ref": ref, "st": "accepted", "exp": NOW})
    notes = [name for name, _ in board.notes if name in ("route", "expired", "desk")]  # type: ignore[attr-defined]
    assert notes == ["route", "expired", "expired"]
    assert terminal.ladder.view(board.now())["desk"] is None


async def do(terminal: Terminal, what: str, **args: object) -> dict[str, object]:
    """The result of a command that is in time."""
    if not terminal.clock.is_set:
        terminal.clock.set(NOW, terminal.board.now())
    before = len(terminal.outbox.held("result"))
    await terminal.commands._do({"cid": f"{what}{before}", "do": what, "args": args, "exp": NOW + 60})
    (result,) = (fields for fields in terminal.outbox.held("result") if fields["cid"] == f"{what}{before}")
    return result


async def test_a_command_that_this_firmware_cannot_is_answered_unknown(terminal: Terminal) -> None:
    """`refused` would say: not now."""
    assert (await do(terminal, "ota"))["st"] == "unknown"


async def test_a_call_back_is_bounded_and_never_in_an_alarm(terminal: Terminal) -> None:
    """Whoever is answered by itself hears the home: one number, for an hour at most."""
    window = terminal.alarm.incoming.announced
    for args in ({"minutes": 0}, {"minutes": 61}, {"minutes": "5"}, {"number": "1;2"}, {"number": 5}, {"number": "+"}):
        assert (await do(terminal, "callback", **args))["st"] == "refused"
    assert not window.covers("01055500001", ["01055500001"], terminal.board.now())
    done = await do(terminal, "callback", minutes=10, number="01055500001")
    assert (done["st"], done["vals"]) == ("done", [["minutes", 10]])
    now = terminal.board.now()
    assert window.covers("+861055500001", [], now + 599_999)
    assert not window.covers("+861055500001", [], now + 600_000)
    assert not window.covers("13800000001", ["13800000001"], now)
    assert (await do(terminal, "callback"))["st"] == "done"
    assert window.covers("13800000001", ["13800000001"], now)
    assert not window.covers("", ["13800000001"], now)
    terminal.alarm._fire("sos", "hold", 700, now)
    assert (await do(terminal, "callback"))["st"] == "refused"


async def test_a_report_tells_what_was_lost(terminal: Terminal) -> None:
    """Also when the heartbeat that belongs to it could not go."""
    terminal.keeper.failures["link"] = 3
    terminal.telemetry.stuck("k1")
    result = await do(terminal, "report")
    assert (result["st"], result["why"]) == ("failed", "not sent")
    vals = result["vals"]
    assert isinstance(vals, list)
    assert [pair for pair in vals if pair[1]] == [["deaths", 3], ["open", 1]]
    messages.encode("up", "result", result | {"s": None})


def test_a_command_that_a_power_cut_ended_is_answered_after_the_restart(tmp_path: Path) -> None:
    """Once, and not if its result had been kept."""
    first = build(Bare(tmp_path))
    for cid in ("c1", "c2"):
        give(first, "cmd", {"cid": cid, "do": "report", "exp": NOW})
    first.commands._result("c2", "done", None)
    for _ in range(2):
        again = build(Bare(tmp_path))
        results = {fields["cid"]: fields["st"] for kind, fields in waiting(again) if kind == "result"}
        assert results == {"c1": "failed", "c2": "done"}
    assert len(again.outbox.held("result")) == 2


async def test_a_terminal_without_a_clock_refuses_commands(terminal: Terminal) -> None:
    """Whether it is in time cannot be known."""
    await terminal.commands._do({"cid": "c1", "do": "selftest", "exp": NOW})
    assert [(fields["st"], fields["why"]) for _, fields in waiting(terminal)] == [("refused", "clock unset")]


async def test_no_reboot_while_an_alarm_is_open(terminal: Terminal) -> None:
    """Also not in its pauses: the next dial must not wait for a boot."""
    terminal.clock.set(NOW, terminal.board.now())
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    assert terminal.ladder.view(terminal.board.now())["phase"] == "no_voice"
    await terminal.commands._do({"cid": "c1", "do": "reboot", "exp": NOW + 60})
    assert [fields["st"] for kind, fields in waiting(terminal) if kind == "result"] == ["refused"]


def test_a_command_that_was_refused_for_want_of_room_is_answered_once(terminal: Terminal) -> None:
    """Exactly one result, also when it is delivered again."""
    for number in (1, 2, 3, 4, 5, 5):
        give(terminal, "cmd", {"cid": f"c{number}", "do": "report", "exp": NOW})
    assert [fields["cid"] for kind, fields in waiting(terminal) if kind == "result"] == ["c5"]


async def test_a_message_that_our_own_encoder_refuses_is_dropped_counted_and_told(terminal: Terminal) -> None:
    """It could never be sent, and somebody must hear of it."""
    terminal.mail.post("boot", {"board": "bad " * 9, "fw": "1", "cfg": 0, "cause": "power"})
    terminal.sender.store()
    await terminal.sender._fly(None)  # type: ignore[arg-type] # nothing gets as far as the session
    assert (len(terminal.outbox), terminal.outbox.drops, terminal.sender.refused) == (1, 1, 1)
    ((kind, fields),) = waiting(terminal)
    assert (kind, fields["ev"], fields["txt"]) == ("event", "message_refused", "own boot: range")
    messages.encode("up", kind, fields)
    terminal.telemetry._check(terminal.board.now())
    assert "outbox_full" not in terminal.telemetry.faults


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    st.sampled_from(codes.KEYS),
    st.sampled_from(codes.HOWS),
    st.one_of(st.integers(), st.none()),
    st.integers(0, 1 << 50),
)
def test_no_press_is_ever_refused_by_our_encoder(
    terminal: Terminal, key: str, how: str, hold: int | None, at: int
) -> None:
    """Whatever the keys and the clock say."""
    terminal.board.ms = at  # type: ignore[attr-defined]
    terminal.alarm._fire(key, how, hold, at)
    terminal.sender.store()
    presses = [fields for _, kind, fields in terminal.outbox.due(at, 64) if kind == "press"]
    assert presses
    for fields in presses:
        messages.encode("up", "press", fields)
    terminal.outbox.receipt([entry.id for entry in terminal.outbox._entries], at)


def test_a_ping_that_a_call_interrupted_does_not_cost_the_heartbeats(terminal: Terminal) -> None:
    """An hour of talk is no round trip that the wire knows."""
    terminal.link.rtt_ms = 3_700_000
    beat = terminal.mail.stamp() | terminal.telemetry.beats.figures()
    messages.encode("up", "hb", beat | {"s": beat["u"]})


def test_a_server_that_cannot_be_is_refused_and_a_wrong_one_is_not_the_only_one(terminal: Terminal) -> None:
    """A configuration must not cut a home off for good."""
    config = {"ver": 2, "hb": 600, "plan": {"sos": [["值班台", "01055500001", 30, 1]]}}
    for srv in ("nowhere", "host:", "h:x", "h:0", "h:65536", ":1883"):
        give(terminal, "config", config | {"srv": srv})
        assert terminal._where() == ("h", 1883, "cmiot")
    give(terminal, "config", config | {"srv": "new.example.net:8883", "apn": "other"})
    tries = []
    for terminal.link.misses in range(5):
        tries.append(terminal._where())
    assert tries == [("new.example.net", 8883, "other")] * 4 + [("h", 1883, "cmiot")]


async def test_a_telemetry_that_is_started_again_tells_no_second_boot(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task may die; the terminal did not start again."""
    terminal.modem.identified.set()

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(terminal.telemetry, "_days", fail)
    for _ in range(3):
        with pytest.raises(MemoryError):
            await terminal.telemetry.run()
    assert [kind for kind, _ in waiting(terminal)].count("boot") == 1


async def test_a_heartbeat_that_a_call_holds_up_does_not_stop_the_record_of_the_day(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two minutes without a tick are not counted as powered, and the days are what is billed."""
    held = asyncio.Event()

    async def measure() -> None:
        await held.wait()

    monkeypatch.setattr(terminal.modem, "measure", measure)
    monkeypatch.setattr(telemetry, "_TICK_S", 0.01)
    monkeypatch.setattr(telemetry, "_DAY_MS", 0)
    terminal.modem.identified.set()
    terminal.link.client = mqtt.Client(mqtt.Stream(), terminal.board.now, lambda *_: None, lambda: False)
    ticks: list[int] = []

    def tick(now: int, *_: object) -> list[object]:
        ticks.append(now)
        return []

    monkeypatch.setattr(terminal.telemetry.book, "tick", tick)
    task = asyncio.create_task(terminal.telemetry.run())
    await settle(lambda: len(ticks) > 5)
    assert terminal.telemetry.beats._beating is not None
    assert not terminal.telemetry.beats._beating.done()
    terminal.telemetry.beats._beating.cancel()
    await end(task)
