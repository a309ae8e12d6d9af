"""The pace of 2G, in simulated time: round trips, the rate, late segments, and every byte counted with its headers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench, BenchPipe
from tools.modem.core import Modem
from tools.modem.pace import HEADER, PACES, QUERY, REPLY, Pace, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

STEADY = Pace(delayed_share=0.0)
HOST = "broker.example"
OPENED = Traffic(up=QUERY + len(HOST) + 2 * HEADER, down=REPLY + len(HOST) + HEADER)


class SlowBench(Bench):
    """A bench behind a slow network."""

    def __init__(self, pace: Pace | None = STEADY, seed: int = 0) -> None:
        super().__init__(boot=False)
        self.modem = Modem(self.timers, self, self, pace=pace, seed=seed)
        self.modem.power_on()
        self.sleep(30)
        self.send("ATE0")
        self.out()

    def put(self, data: bytes) -> None:
        self.send(f"AT+CIPSEND={len(data)}")
        self.feed(data)
        assert self.out() == b"\r\nDATA ACCEPT:%d\r\n" % len(data)


def when(bench: Bench, true: Callable[[], object], step: float = 0.05) -> float:
    """Seconds until `true()` is so."""
    start = bench.timers.now
    while not true():
        bench.sleep(step)
        assert bench.timers.now - start < 100
    return bench.timers.now - start


def arrived_all(pipe: BenchPipe, count: int) -> bool:
    """So many bytes are at the other side."""
    return len(pipe.sent) == count


def test_the_figures_are_those_of_2g() -> None:
    """Pins what the benches state."""
    pace = PACES["2g"]
    assert pace == Pace(round_trip=0.7, rate=20_000, delayed_share=0.01, delay=5.0)
    assert PACES["none"] is None


def test_a_connection_takes_a_round_trip_for_the_name_and_one_for_tcp() -> None:
    """Pins the time until CONNECT OK, with a name and with an address."""
    for host, seconds in ((HOST, 1.4), ("192.0.2.7", 0.7)):
        bench = SlowBench()
        for command in ("AT+CIPRXGET=1", 'AT+CSTT="cmiot"', "AT+CIICR", "AT+CIFSR"):
            bench.send(command, 5)
        assert bench.send(f'AT+CIPSTART="TCP","{host}",1883', seconds - 0.01) == b"\r\nOK\r\n"
        assert bench.after(0.1) == b"\r\nCONNECT OK\r\n"


def test_a_segment_takes_its_bytes_and_half_a_round_trip() -> None:
    """Pins the rate in both directions, headers included."""
    bench = SlowBench()
    pipe = bench.connect()
    bench.put(bytes(1000))
    assert 0.76 < when(bench, lambda: pipe.sent) < 0.83  # 1040 bytes at 2500 a second, and 350 ms
    bench.sleep(1)
    pipe.connection.received(bytes(2000))
    assert 0.9 < when(bench, lambda: pipe.connection.rx) < 1.0
    assert bench.out() == b"\r\n+CIPRXGET: 1\r\n"
    assert 0.15 < when(bench, lambda: len(pipe.connection.rx) == 2000) < 0.3


def test_connections_share_the_air() -> None:
    """Pins that two uploads take the time of both."""
    bench = SlowBench()
    pipe = bench.connect()
    for _ in range(5):
        bench.put(bytes(1000))
    assert bench.send("AT+CIPACK") == b"\r\n+CIPACK: 5000,0,5000\r\n\r\nOK\r\n"
    assert 2.3 < when(bench, lambda: len(pipe.sent) == 5000) < 2.6


def test_every_byte_on_the_air_is_counted_with_its_headers() -> None:
    """Pins handshakes, segments, acknowledgements and the end, for one connection and for all."""
    for pace in (None, STEADY):
        bench = SlowBench(pace)
        assert bench.modem.data.traffic == Traffic()
        pipe = bench.connect()
        assert bench.modem.data.traffic == pipe.connection.traffic == OPENED
        bench.put(bytes(100))
        bench.sleep(5)
        pipe.connection.received(bytes(1500))
        bench.sleep(5)
        up, down = OPENED.up + 100 + 3 * HEADER, OPENED.down + 1500 + 3 * HEADER
        assert pipe.connection.traffic == Traffic(up, down)
        bench.send("AT+CIPCLOSE=1")
        assert bench.modem.data.traffic == Traffic(up + 2 * HEADER, down + 2 * HEADER)


def test_some_segments_come_five_seconds_late_and_hold_up_those_behind_them() -> None:
    """Pins that the order holds, and that a seed tells the same story twice."""

    def story(seed: int) -> list[float]:
        bench = SlowBench(Pace(delayed_share=0.2), seed)
        pipe = bench.connect()
        arrived = []
        for number in range(20):
            bench.put(bytes([number]))
            arrived.append(round(when(bench, partial(arrived_all, pipe, number + 1)), 2))
        assert bytes(pipe.sent) == bytes(range(20))
        return arrived

    first = story(1)
    assert any(seconds > 5 for seconds in first)
    assert any(seconds < 1 for seconds in first)
    assert story(1) == first
    assert story(2) != first


def test_what_is_on_its_way_when_a_call_begins_arrives_after_it() -> None:
    """Pins class B with bytes in the air."""
    bench = SlowBench()
    pipe = bench.connect()
    bench.put(b"up")
    pipe.connection.received(b"down")
    bench.send("ATD01055500001;", 20)
    assert (bytes(pipe.sent), bytes(pipe.connection.rx)) == (b"", b"")
    bench.send("ATH", 1)
    assert (bytes(pipe.sent), bytes(pipe.connection.rx)) == (b"up", b"down")


def test_what_is_on_its_way_when_the_terminal_closes_still_arrives() -> None:
    """Pins that a goodbye is heard."""
    bench = SlowBench()
    pipe = bench.connect()
    bench.put(b"bye")
    assert bench.send("AT+CIPCLOSE=1") == b"\r\nCLOSE OK\r\n"
    assert (bytes(pipe.sent), pipe.gone) == (b"", False)
    bench.sleep(2)
    assert (bytes(pipe.sent), pipe.gone) == (b"bye", True)


def test_the_other_sides_end_comes_behind_its_last_byte() -> None:
    """Pins the order of CLOSED and the data."""
    bench = SlowBench()
    pipe = bench.connect()
    pipe.connection.received(b"bye")
    pipe.connection.closed()
    assert bench.after(5) == b"\r\n+CIPRXGET: 1\r\n\r\nCLOSED\r\n"
    assert bench.send("AT+CIPRXGET=2,10") == b"\r\n+CIPRXGET: 2,3,0\r\nbye\r\nOK\r\n"


steps = st.one_of(st.binary(min_size=1, max_size=1460), st.sampled_from(["call", "wait"]))


@given(st.lists(st.tuples(st.booleans(), steps), max_size=20), st.integers(0, 5))
def test_both_streams_arrive_whole_and_in_order_at_any_pace(story: list[tuple[bool, bytes | str]], seed: int) -> None:
    """Pins slow, late and suspended bytes against two plain strings."""
    bench = SlowBench(Pace(delayed_share=0.3), seed)
    pipe: BenchPipe = bench.connect()
    sent = came = b""
    for up, step in story:
        if step == "call":
            bench.send("ATD01055500001;", 5)
            bench.send("ATH", 1)
        elif step == "wait":
            bench.sleep(2)
        elif isinstance(step, bytes) and up and pipe.connection.can_take(len(step)):
            bench.put(step)
            sent += step
        elif isinstance(step, bytes) and not up:
            part = step[: pipe.connection.room()]
            pipe.connection.received(part)
            came += part
        bench.out()
    bench.sleep(300)
    assert bytes(pipe.sent) == sent
    assert bytes(pipe.connection.rx) == came
