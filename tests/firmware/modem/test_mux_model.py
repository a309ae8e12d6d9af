"""The multiplexer against a second one written for these tests, and its channels against a table of four states."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware.modem import mux
from firmware.modem.mux import _CLOSED, _OPEN, _OPENING, RAW, UIH, Decoder, Mux, fcs, frame
from tests.firmware.modem import framed

INFO = st.binary(max_size=127)
FRAME = st.tuples(st.integers(0, 3), st.sampled_from([mux._SABM, mux._UA, mux._DM, mux._DISC, UIH]), INFO)


@given(st.binary(min_size=1, max_size=4))
def test_the_checksum_is_that_of_the_polynomial(header: bytes) -> None:
    """Worked out bit by bit on the other side."""
    assert fcs(header) == framed.checksum(header)


@given(st.lists(FRAME, max_size=5))
def test_what_one_side_makes_the_other_reads(frames: list[tuple[int, int, bytes]]) -> None:
    """Ours by theirs."""
    assert framed.split(b"".join(frame(*one) for one in frames)) == frames


@settings(max_examples=300)
@given(st.lists(st.tuples(FRAME, st.sampled_from([b"", b"\xf9", b"\r\nRDY\r\n", b"\x00\r\n"])), max_size=5), st.data())
def test_theirs_is_read_by_ours_however_it_is_cut_and_whatever_stands_between(
    pieces: list[tuple[tuple[int, int, bytes], bytes]], data: st.DataObject
) -> None:
    """Frames in their order, with text between them told as such."""
    stream = b"".join(framed.made(*one) + between for one, between in pieces)
    decoder = Decoder()
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size], 0)
        stream = stream[size:]
    assert [one for one in found if one[0] != RAW] == [one for one, _ in pieces]
    assert [one[2] for one in found if one[2] == b"RDY" and one[0] == RAW] == [
        b"RDY" for _, between in pieces if b"RDY" in between
    ]


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_any_bytes_at_all_do_no_harm(pieces: list[bytes]) -> None:
    """Nothing is raised, nothing grows, and afterwards a frame is read as ever."""
    session = Mux(0)
    decoder = Decoder()
    for at, piece in enumerate(pieces):
        session.receive(piece, at)
        session.tick(at)
        decoder.feed(piece, at)
    assert len(session.out) <= mux._OUT_MAX
    decoder.tick(10_000)
    decoder.tick(20_000)
    found = decoder.feed(b"\xf9" * 140 + framed.made(1, UIH, b"OK"), 30_000)
    assert found[-1] == (1, UIH, b"OK")


SILENCE_MS = (mux._TRIES + 1) * mux.T1_MS


class Session(RuleBasedStateMachine):
    """A modem that answers, refuses, closes, stops and stays silent; the model is a state and a stop per channel."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.session = Mux(0)
        self.states = [_OPENING, _CLOSED, _CLOSED, _CLOSED]
        self.stops = [False] * 4
        self.again = [0] * 4
        self.up = self.ended = False

    def tell(self, dlci: int, control: int, info: bytes = b"") -> None:
        self.session.receive(framed.made(dlci, control, info), self.now)

    @rule(dlci=st.integers(0, 3))
    def accept(self, dlci: int) -> None:
        self.tell(dlci, framed.UA)
        if self.states[dlci] != _OPENING:
            return
        self.states[dlci] = _OPEN
        self.stops[dlci] = False
        if not self.up and dlci < 3:
            self.states[dlci + 1] = _OPENING
        else:
            self.up = True

    @rule(dlci=st.integers(0, 3), control=st.sampled_from([framed.DM, framed.DISC]))
    def close(self, dlci: int, control: int) -> None:
        self.tell(dlci, control)
        if self.states[dlci] == _CLOSED:
            return
        self.shut(dlci)

    def shut(self, dlci: int) -> None:
        self.states[dlci] = _CLOSED
        self.again[dlci] = self.now + mux._REOPEN_MS
        self.ended = self.ended or dlci < 2 or not self.up

    @rule(dlci=st.integers(1, 3), stop=st.booleans())
    def stop(self, dlci: int, stop: bool) -> None:
        self.tell(0, UIH, bytes([0xE3, 5, dlci * 4 + 3, 0x8D + 2 * stop]))
        if self.states[0] == _OPEN:
            self.stops[dlci] = stop

    @rule(dlci=st.integers(1, 3), info=st.binary(min_size=1, max_size=9))
    def data(self, dlci: int, info: bytes) -> None:
        news = self.session.receive(framed.made(dlci, UIH, info), self.now)
        assert news == ([(dlci, info)] if self.states[dlci] == _OPEN else [])

    @precondition(lambda self: all(at > self.now + SILENCE_MS for at in self.waiting()))
    @rule()
    def silence(self) -> None:
        """Long enough for every question to be asked as often as it is."""
        for _ in range(mux._TRIES + 1):
            self.now += mux.T1_MS
            self.session.tick(self.now)
        for dlci in range(4):
            if self.states[dlci] == _OPENING:
                self.shut(dlci)
                self.again[dlci] = 0  # within the silence; `patience` takes any

    @precondition(lambda self: self.up and _OPENING not in self.states)
    @rule()
    def patience(self) -> None:
        """Until what was closed is asked for again."""
        self.now += mux._REOPEN_MS
        self.session.tick(self.now)
        self.states = [_OPENING if state == _CLOSED else state for state in self.states]

    def waiting(self) -> list[int]:
        """When closed channels are asked for again."""
        return [at for at, state in zip(self.again, self.states, strict=True) if state == _CLOSED and self.up]

    @invariant()
    def agrees(self) -> None:
        self.session.out = bytearray()  # it has been written
        assert bool(self.session.ended) == self.ended
        if not self.ended:
            assert self.session.state == self.states
            assert [self.session.may_send(dlci) for dlci in range(4)] == [
                state == _OPEN and not stop for state, stop in zip(self.states, self.stops, strict=True)
            ]

    def teardown(self) -> None:
        if self.ended:
            assert not any(self.session.may_send(dlci) for dlci in range(4))


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
