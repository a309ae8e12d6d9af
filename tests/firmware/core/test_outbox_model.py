"""The outbox against a list: nothing forgotten without a receipt, the bound holds, drops counted, files come back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.core import outbox as box
from firmware.core.ids import IdSource
from firmware.core.outbox import Outbox

KINDS = ("press", "call", "result", "boot", "event", "day")
RANK = {"press": 0, "call": 1, "result": 3, "boot": 4, "event": 5, "day": 6}


class OutboxMachine(RuleBasedStateMachine):
    """`kept` is the model: (id, kind) in order of arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.boot = 1
        self.ids = IdSource("0123abcd", 1)
        self.box = Outbox(self.ids)
        self.kept: list[tuple[str, str]] = []
        self.on_file: list[tuple[str, str]] = []
        self.blob = b""
        self.drops = self.drops_on_file = 0
        self.now = 0
        self.sent_ms: dict[str, int] = {}
        self.broken = False
        self.written = False  # in this boot: the first file of a boot is a whole one

    @rule(kind=st.sampled_from(KINDS), count=st.integers(1, 30))
    def add(self, kind: str, count: int) -> None:
        for _ in range(count):
            one = self.ids.next()
            dropped = self.box.add(kind, {"id": one, "t": None, "u": self.now, "ev": "mains_lost"}, self.now)
            self.kept.append((one, kind))
            rivals = [entry for entry in self.kept if (entry[1] == "day") == (kind == "day")]
            if len(rivals) > (box.DAYS_MAX if kind == "day" else box.ENTRIES_MAX):
                worst = max(RANK[entry[1]] for entry in rivals)
                victim = next(entry for entry in rivals if RANK[entry[1]] == worst)
                assert victim[1] != "press" or all(entry[1] == "press" for entry in rivals)
                assert dropped == [victim[0]]
                self.kept.remove(victim)
                self.drops += 1
            else:
                assert dropped == []

    @rule(works=st.sampled_from([True, True, True, False]), anew=st.booleans())
    def save(self, works: bool, anew: bool) -> None:
        anew = anew or not self.written or self.broken
        blob = self.box.dump() if anew else self.blob + b"\n" + b"".join(self.box.news_lines())
        if works:
            self.box.saved()
            self.broken, self.written = False, True
            self.blob, self.on_file, self.drops_on_file = blob, list(self.kept), self.drops
            assert not self.box.stale
        else:
            self.broken = True
            self.box.save_failed()
        assert not self.box.pending_save

    @rule(ms=st.sampled_from([0, 1_000, 10_000, 300_000, 3_600_000]))
    def send(self, ms: int) -> None:
        self.now += ms
        known = dict(self.kept)
        out = list(self.box.due(self.now))
        ranks = []
        for one, kind, fields in out:
            assert known[one] == kind
            assert self.broken or (one, kind) in self.on_file
            assert fields["id"] == one
            assert (fields["s"] is None) == (not self.ids.is_this_boot(one))
            assert self.now - self.sent_ms.get(one, -10_000) >= 10_000
            self.sent_ms[one] = self.now
            ranks.append(RANK[kind])
        if self.box.aside == 0:
            assert ranks == sorted(ranks)
        assert len([rank for rank in ranks if rank]) <= box.WINDOW

    @rule(data=st.data())
    def receipt(self, data: st.DataObject) -> None:
        names = [one for one, _ in self.kept] + ["0123abcd.0.0"]
        ids = data.draw(st.lists(st.sampled_from(names), max_size=5))
        assert self.box.receipt(ids, self.now) == len({one for one, _ in self.kept} & set(ids))
        self.kept = [entry for entry in self.kept if entry[0] not in ids]

    @rule()
    def power_cut(self) -> None:
        self.boot += 1
        self.ids = IdSource("0123abcd", self.boot)
        self.box = Outbox(self.ids)
        self.now = 0
        self.sent_ms = {}
        self.broken = self.written = False
        assert self.box.load(self.blob, self.now) == 0
        self.kept, self.drops = list(self.on_file), self.drops_on_file

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        assert len(self.box) == len(self.kept)
        assert self.box.drops == self.drops
        assert [entry.id for entry in self.box._entries] == [one for one, _ in self.kept]


OutboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestOutbox = OutboxMachine.TestCase


@settings(max_examples=200, deadline=None)
@given(count=st.integers(0, 8), data=st.data())
def test_a_damaged_file_loses_what_is_damaged_and_nothing_else(count: int, data: st.DataObject) -> None:
    """Bytes changed anywhere, cut anywhere: every untouched line comes back, every other is counted."""
    ids = IdSource("0123abcd", 1)
    full = Outbox(ids)
    for _ in range(count):
        full.add("press", {"id": ids.next(), "t": None, "u": 5}, 0)
    blob = bytearray(full.dump())
    lines = bytes(blob).split(b"\n")[:-1]
    cut = data.draw(st.integers(0, len(blob)))
    for place in data.draw(st.lists(st.integers(0, len(blob) - 1), max_size=3)):
        blob[place] = data.draw(st.integers(0, 255))
    torn = bytes(blob[:cut])
    left = [line for line in torn.split(b"\n") if line.strip()]
    good = [line for line in left if line in lines]
    new = Outbox(IdSource("0123abcd", 2))
    assert new.load(torn, 0) == len(left) - len(good)
    assert len(new) == len([line for line in good if b'"press"' in line])


@given(st.binary(max_size=400))
def test_any_bytes_can_be_loaded(blob: bytes) -> None:
    """Storage may hold anything; nothing raises."""
    new = Outbox(IdSource("0123abcd", 2))
    new.load(blob, 0)
    assert len(new) == 0
