"""Messages from the cloud are acted on once, in time, and only if they are whole and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.main import Terminal
from firmware.modem.at import Port
from protocol import codes, messages, topics

if TYPE_CHECKING:
    from pathlib import Path

DEVICE = "DESK01"
NOW = 1_795_000_000


class Wire(Port):
    """A UART that nobody answers."""

    async def read(self, most: int) -> bytes:
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        raise NotImplementedError


class Bare:
    """A board without hardware: time stands where the test puts it."""

    name = "test"
    keys = codes.KEYS
    restart_modem = None

    def __init__(self, folder: Path) -> None:
        self.uart = Wire()
        self.folder = str(folder)
        self.ms = 1000
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def now(self) -> int:
        return self.ms

    def levels(self) -> list[bool]:
        return [False] * len(self.keys)

    def note(self, what: str, fields: dict[str, Any]) -> None:
        self.notes.append((what, fields))

    def lamp(self, state: str) -> None:
        self.note("lamp", {"state": state})

    def beep(self, name: str) -> None:
        self.note("beep", {"name": name})

    def mains(self) -> int | None:
        return None

    def heap(self) -> int:
        return 1

    def draw(self) -> int:
        return 0


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(Bare(tmp_path), DEVICE, "h:1883", b"")  # type: ignore[arg-type] # the shape of hal/unix.py's Board


def give(terminal: Terminal, kind: str, fields: dict[str, Any]) -> None:
    terminal.commands.on_message(topics.build("down", kind, DEVICE), messages.encode("down", kind, fields))


def waiting(terminal: Terminal) -> list[tuple[str, dict[str, object]]]:
    terminal.sender.store()
    return [(kind, fields) for _, kind, fields in terminal.outbox.due(terminal.board.now(), 64)]


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

    terminal.mail.post = fail  # type: ignore[method-assign, assignment]
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    assert terminal.ladder.running
    assert terminal.alarm.faults >= 1


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
    terminal.telemetry.figures()
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    terminal.alarm._fire("cancel", "short", 0, terminal.board.now())
    terminal.telemetry.stuck("k1")
    for kind, fields in waiting(terminal):
        messages.encode("up", kind, fields)
    beat = terminal.mail.stamp() | terminal.telemetry.figures()
    messages.encode("up", "hb", beat | {"s": beat["u"]})
    for st_ in codes.STATES:
        terminal._state(st_)
