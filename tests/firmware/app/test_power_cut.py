"""The power goes at every single write: what was stored is there, and nothing gets a second name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.app.storage import Storage
from firmware.core.lines import pack, unpack
from tests.firmware.app.bench import Bare, build, give, waiting

if TYPE_CHECKING:
    from firmware.main import Terminal

CONFIG = {"ver": 2, "hb": 600, "plan": {"sos": [["值班台", "01055500001", 30, 1]]}}
FILES = ("ids", "outbox", "config.a", "config.b", "day", "commands", "cause", "faults", "selftest")


class PowerCut(BaseException):
    """No handler of the firmware sees it: there is no firmware any more."""


class Supply:
    """Cuts at the n-th write: before it, in the middle of the new file, or right after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        self.cut_at: int | None = None
        self.mode = "before"
        self._write, self._append, self._remove = Storage.write_lines, Storage.append_lines, Storage.remove
        # Plain functions, so that the storage is bound to them.
        monkeypatch.setattr(Storage, "write_lines", lambda *all_: self.write(*all_))  # noqa: PLW0108
        monkeypatch.setattr(Storage, "append_lines", lambda *all_: self.append(*all_))  # noqa: PLW0108
        monkeypatch.setattr(Storage, "remove", lambda *all_: self.remove(*all_))  # noqa: PLW0108

    def _now(self) -> bool:
        self.writes += 1
        return self.writes == self.cut_at

    def write(self, storage: Storage, name: str, lines: list[bytes]) -> bool:
        cut = self._now()
        if cut and self.mode == "torn":
            whole = b"".join(lines)
            Path(storage.folder, f"{name}.new").write_bytes(whole[: len(whole) // 2])
        if cut and self.mode != "after":
            raise PowerCut
        done = self._write(storage, name, lines)
        if cut:
            raise PowerCut
        return done

    def append(self, storage: Storage, name: str, lines: list[bytes]) -> bool:
        cut = self._now()
        if cut and self.mode == "torn":
            whole = b"\n" + b"".join(lines)
            with Path(storage.folder, name).open("ab") as file:
                file.write(whole[: len(whole) // 2])
        if cut and self.mode != "after":
            raise PowerCut
        done = self._append(storage, name, lines)
        if cut:
            raise PowerCut
        return done

    def remove(self, storage: Storage, name: str) -> None:
        cut = self._now()
        if not cut or self.mode == "after":
            self._remove(storage, name)
        if cut:
            raise PowerCut


class Story:
    """What a terminal lived through, as far as the cloud and a file could see it."""

    def __init__(self, folder: Path) -> None:
        self.board = Bare(folder)
        self.sent: dict[str, tuple[str, dict[str, Any]]] = {}
        self.receipted: list[str] = []
        self.used: set[str] = set()  # ids drawn
        self.fired: list[str] = []

    def live(self) -> None:
        """Two alarms with their reports, receipts, a configuration, a cancel; a turn of the sender after each."""
        terminal = build(self.board)
        draw = terminal.ids.next
        terminal.ids.next = lambda: self._drawn(draw())  # type: ignore[method-assign]
        terminal.alarm.orders.give = lambda order: None  # type: ignore[method-assign]
        terminal.modem.ready, terminal.modem.reg = True, 1
        terminal.alarm._facts(self.board.now())
        for key in ("k1", "sos", "cancel", "sos"):
            self.board.ms += 60_000
            terminal.alarm._fire(key, "hold", 700, self.board.now())
            self.turn(terminal)
            count = terminal.ladder._count
            for what in ("dialling", "ringing", "active", "ended"):
                terminal.alarm.act(terminal.ladder.call(count, what, self.board.now(), "busy"))
                self.turn(terminal)
            ids = list(self.sent)[: len(self.sent) // 2]
            give(terminal, "receipt", {"of": ids})
            self.receipted += ids
            self.turn(terminal)
            give(terminal, "config", CONFIG | {"ver": count + 1})
            give(terminal, "cmd", {"cid": key, "do": "report", "exp": 1})
            self.turn(terminal)
        terminal.telemetry.save_day()

    def _drawn(self, one: str) -> str:
        self.used.add(one)
        return one

    def turn(self, terminal: Terminal) -> None:
        """What the sender does when it is woken, with a session up."""
        if terminal.outbox.pending_save or terminal.outbox.stale:
            terminal.sender.store()
        terminal.alarm.store()
        for one, kind, fields in terminal.outbox.due(self.board.now(), 64):
            self.sent[one] = (kind, {name: fields[name] for name in fields if name != "s"})

    def check(self, terminal: Terminal) -> None:
        """After the restart."""
        held = {entry.id: unpack(entry.line) for entry in terminal.outbox._entries if entry.id in self.used}
        mine: list[Any] = [unpack(entry.line) for entry in terminal.outbox._entries if entry.id not in self.used]
        assert {kind for kind, _ in mine} <= {"event", "result"}, "more than the new boot's own"
        results = [fields["cid"] for fields in terminal.outbox.held("result")]
        assert len(results) == len(set(results)), "a command answered twice"
        for one, (kind, fields) in self.sent.items():
            if one not in self.receipted:
                assert one in held, "the cloud saw it, never receipted it, and it is gone"
            if one in held:
                assert held[one] == [kind, {name: fields[name] for name in fields if fields[name] is not None}]
        assert terminal.ids.next() not in self.used
        known = set(held) | set(self.sent)
        for kind, fields in held.values():  # type: ignore[misc] # a line is a pair
            assert kind != "call" or fields["ref"] in known, "a call of a press that nobody will ever see"
        dump: Any = terminal.alarm.kept.load()
        assert dump is None or set(dump["refs"]) <= known, "an alarm without its press"


@pytest.mark.parametrize("mode", ["before", "torn", "after"])
def test_a_power_cut_at_any_write_loses_no_stored_press_and_renames_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Outbox, alarm, ids, configuration, commands, day: each write of each of them."""
    supply = Supply(monkeypatch)
    (tmp_path / "whole").mkdir()
    Story(tmp_path / "whole").live()
    writes = supply.writes
    assert writes > 30
    supply.mode = mode
    for cut_at in range(1, writes + 1):
        folder = tmp_path / f"cut{cut_at}"
        folder.mkdir()
        story = Story(folder)
        supply.writes, supply.cut_at = 0, cut_at
        with pytest.raises(PowerCut):
            story.live()
        supply.cut_at = None
        story.check(build(Bare(folder)))


def test_lines_that_cannot_be_read_are_told_with_their_number(tmp_path: Path) -> None:
    """And restored by the next write that works."""
    first = build(Bare(tmp_path))
    for _ in range(3):
        first.mail.post("event", {"ev": "test_due"})
    first.sender.store()
    lines = (tmp_path / "outbox").read_bytes().split(b"\n")
    lines[1] = lines[1][:-5] + b"xxxxx"
    lines[3] = b"?"
    (tmp_path / "outbox").write_bytes(b"\n".join(lines))
    (tmp_path / "day").write_bytes(b"half a d")
    second = build(Bare(tmp_path))
    told = [fields for _, fields in waiting(second) if fields["ev"] == "storage_damaged"]
    assert [fields["val"] for fields in told] == [3]
    second.board.ms += 20_000  # type: ignore[attr-defined]
    assert "storage_ok" in [fields["ev"] for _, fields in waiting(second)]
    assert second.outbox.damaged == 2
    second.telemetry.save_day()
    assert [fields["ev"] for _, fields in waiting(build(Bare(tmp_path)))].count("storage_damaged") == 1


ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.booleans() | st.sampled_from(["sos", "k1", "call", "press"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["e", "b", "days", "id", "plan"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.sampled_from(FILES), ANY | st.binary(max_size=40))
def test_whatever_a_file_holds_the_terminal_starts_and_fires(tmp_path: Path, name: str, value: object) -> None:
    """A start that fails on a file would fail for ever."""
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / name).write_bytes(value if isinstance(value, bytes) else pack(value))
    terminal = build(Bare(tmp_path))
    terminal.alarm.before.left = value if isinstance(value, dict) else None
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    assert terminal.ladder.running
    assert "press" in [kind for kind, _ in waiting(terminal)]
