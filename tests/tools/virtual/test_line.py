"""The wire between terminal and modem: what goes in comes out, in order, at the pace of its rate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.virtual.line import BITS, Line

WRITES = st.lists(st.tuples(st.integers(0, 200_000), st.binary(min_size=1, max_size=400)), max_size=20)


@given(WRITES)
def test_bytes_are_conserved_and_in_order(writes: list[tuple[int, bytes]]) -> None:
    """Whatever is written when, the other end gets exactly that."""
    line, now = Line(), 0
    for gap, data in writes:
        now += gap
        line.write(now, data)
    out = b""
    while (at := line.next_at()) is not None:
        out += line.take(at)
    assert out == b"".join(data for _, data in writes)
    assert line.sent == line.arrived == len(out)


@given(WRITES)
def test_nothing_is_faster_than_its_rate(writes: list[tuple[int, bytes]]) -> None:
    """So many bytes take at least so many bits' time from the first write on, and pieces come in order of time."""
    line, now, first = Line(baud=9600), 0, None
    for gap, data in writes:
        now += gap
        first = now if first is None else first
        line.write(now, data)
    last = 0
    while (at := line.next_at()) is not None:
        assert at >= last
        last = at
        line.take(at)
        assert first is not None
        assert (last - first) >= line.arrived * BITS * 1_000_000 / 9600 - 1


def test_a_receiver_without_power_loses_what_is_on_the_way_and_it_is_counted() -> None:
    """A cut drops bytes; none of them turns up later."""
    line = Line()
    line.write(0, b"x" * 300)
    assert line.take(line.next_at() or 0) == b"x" * 120
    assert line.clear() == 180
    assert line.next_at() is None
