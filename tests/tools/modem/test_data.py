"""The packet service, byte by byte: states, sending and fetching, suspension in a call, every way to lose it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tools.modem.connection import RX_LIMIT, TX_LIMIT


def state(bench: Bench) -> str:
    """What AT+CIPSTATUS says, after checking its frame."""
    answer = bench.send("AT+CIPSTATUS")
    head, tail = b"\r\nOK\r\n\r\nSTATE: ", b"\r\n"
    assert answer.startswith(head)
    assert answer.endswith(tail)
    return answer[len(head) : -len(tail)].decode()


def put(bench: Bench, data: bytes) -> bytes:
    """Send bytes on the one connection; the answer behind the prompt."""
    assert bench.send(f"AT+CIPSEND={len(data)}") == b"\r\n> "
    bench.feed(data)
    return bench.out()


def test_the_bearer_comes_up_in_the_order_of_the_state_table_and_in_no_other() -> None:
    """Pins each state, and that a step out of order is refused."""
    bench = Bench()
    assert state(bench) == "IP INITIAL"
    assert bench.send("AT+CIICR", 5) == b"\r\nERROR\r\n"
    assert bench.send("AT+CIFSR") == b"\r\nERROR\r\n"
    assert bench.send('AT+CSTT="cmiot","",""') == b"\r\nOK\r\n"
    assert state(bench) == "IP START"
    assert bench.send('AT+CSTT="cmiot","",""') == b"\r\nERROR\r\n"
    assert bench.send("AT+CIICR", 5) == b"\r\nOK\r\n"
    assert state(bench) == "IP GPRSACT"
    failed = b"\r\nOK\r\n\r\nSTATE: IP GPRSACT\r\n\r\nCONNECT FAIL\r\n"
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883', 5) == failed
    assert bench.send("AT+CIFSR") == b"\r\n10.0.0.2\r\n"
    assert state(bench) == "IP STATUS"
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883', 5) == b"\r\nOK\r\n\r\nCONNECT OK\r\n"
    assert state(bench) == "CONNECT OK"
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883') == b"\r\nOK\r\n\r\nALREADY CONNECT\r\n"
    assert bench.send("AT+CIPCLOSE=1") == b"\r\nCLOSE OK\r\n"
    assert state(bench) == "TCP CLOSED"
    assert bench.send("AT+CIPCLOSE=1") == b"\r\nERROR\r\n"
    assert bench.send("AT+CIPSHUT", 1) == b"\r\nSHUT OK\r\n"
    assert state(bench) == "IP INITIAL"


def test_bytes_go_out_behind_a_prompt_and_are_acknowledged() -> None:
    """Pins the prompt, the quick answer, and the three counts of CIPACK."""
    bench = Bench()
    pipe = bench.connect()
    assert put(bench, b"\x10\x0d\x1a\x1b\x00") == b"\r\nDATA ACCEPT:5\r\n"
    assert pipe.sent == b"\x10\x0d\x1a\x1b\x00"
    assert bench.send("AT+CIPACK") == b"\r\n+CIPACK: 5,5,0\r\n\r\nOK\r\n"
    pipe.stuck = 3
    assert bench.send("AT+CIPACK") == b"\r\n+CIPACK: 5,2,3\r\n\r\nOK\r\n"
    assert bench.send("AT+CIPSEND?") == b"\r\n+CIPSEND: 1460\r\n\r\nOK\r\n"
    assert bench.send("AT+CIPSEND=1461") == b"\r\nERROR\r\n"


def test_the_echo_covers_the_payload_too() -> None:
    """Pins what a driver sees that forgot ATE0."""
    bench = Bench()
    bench.connect()
    bench.send("ATE1")
    assert bench.send("AT+CIPSEND=3") == b"AT+CIPSEND=3\r\r\n> "
    bench.feed(b"abc")
    assert bench.out() == b"abc\r\nDATA ACCEPT:3\r\n"


def test_without_quick_send_the_channel_waits_for_the_other_side() -> None:
    """Pins SEND OK, late, and SEND FAIL when the connection dies meanwhile."""
    bench = Bench()
    pipe = bench.connect("AT+CIPQSEND=0")
    pipe.stuck = 1
    assert put(bench, b"abc") == b""
    assert bench.after(5) == b""
    pipe.stuck = 0
    assert bench.after(1) == b"\r\nSEND OK\r\n"
    pipe.stuck = 1
    put(bench, b"abc")
    pipe.connection.closed()
    assert bench.after(1) == b"\r\nCLOSED\r\n\r\nSEND FAIL\r\n"


def test_text_without_a_length_ends_with_ctrl_z_and_esc_cancels_it() -> None:
    """Pins the second form of CIPSEND."""
    bench = Bench()
    pipe = bench.connect()
    assert bench.send("AT+CIPSEND") == b"\r\n> "
    bench.feed(b"hello\x1a")
    assert bench.out() == b"\r\nDATA ACCEPT:5\r\n"
    bench.send("AT+CIPSEND")
    bench.feed(b"no\x1b")
    assert bench.out() == b"\r\nOK\r\n"
    assert pipe.sent == b"hello"


def test_received_bytes_are_announced_once_and_fetched_in_counted_pieces() -> None:
    """Pins +CIPRXGET in its three forms and the place of the raw bytes."""
    bench = Bench()
    pipe = bench.connect()
    pipe.connection.received(b"OK\r\n\x00abc")
    pipe.connection.received(b"def")
    assert bench.out() == b"\r\n+CIPRXGET: 1\r\n"
    assert bench.send("AT+CIPRXGET=4") == b"\r\n+CIPRXGET: 4,11\r\n\r\nOK\r\n"
    assert bench.send("AT+CIPRXGET=2,8") == b"\r\n+CIPRXGET: 2,8,3\r\nOK\r\n\x00abc\r\nOK\r\n"
    assert bench.send("AT+CIPRXGET=2,1460") == b"\r\n+CIPRXGET: 2,3,0\r\ndef\r\nOK\r\n"
    assert bench.send("AT+CIPRXGET=2,10") == b"\r\n+CIPRXGET: 2,0,0\r\n\r\nOK\r\n"
    assert bench.send("AT+CIPRXGET=2,1461") == b"\r\nERROR\r\n"
    pipe.connection.received(b"g")
    assert bench.out() == b"\r\n+CIPRXGET: 1\r\n"


def test_an_announcement_never_falls_into_a_payload() -> None:
    """Pins that unsolicited lines wait while a prompt stands."""
    bench = Bench()
    pipe = bench.connect()
    bench.send("AT+CIPSEND=2")
    pipe.connection.received(b"x")
    bench.control("undervoltage")
    assert bench.out() == b""
    bench.feed(b"ab")
    assert bench.out() == b"\r\n+CIPRXGET: 1\r\n\r\nUNDER-VOLTAGE WARNNING\r\n\r\nDATA ACCEPT:2\r\n"


def test_manual_receive_must_be_chosen_before_the_connection() -> None:
    """Pins the order that the manual asks for, and what automatic receive looks like."""
    bench = Bench()
    pipe = bench.connect("AT+CIPRXGET=0", "AT+CMEE=1")
    assert bench.send("AT+CIPRXGET=1") == b"\r\n+CME ERROR: 3\r\n"
    assert bench.send("AT+CIPRXGET=4") == b"\r\nERROR\r\n"
    pipe.connection.received(b"raw")
    assert bench.out() == b"raw"
    bench.send("AT+CIPHEAD=1")
    pipe.connection.received(b"raw")
    assert bench.out() == b"\r\n+IPD,3:raw"


def test_the_other_side_closes_and_what_it_sent_can_still_be_fetched() -> None:
    """Pins CLOSED, and that a new connection needs CIPSHUT before it."""
    bench = Bench()
    pipe = bench.connect()
    pipe.connection.received(b"bye")
    pipe.connection.closed()
    assert bench.out() == b"\r\n+CIPRXGET: 1\r\n\r\nCLOSED\r\n"
    assert bench.send("AT+CIPRXGET=2,100") == b"\r\n+CIPRXGET: 2,3,0\r\nbye\r\nOK\r\n"
    assert bench.send("AT+CIPSEND=3") == b"\r\nERROR\r\n"
    failed = b"\r\nOK\r\n\r\nSTATE: TCP CLOSED\r\n\r\nCONNECT FAIL\r\n"
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883', 5) == failed
    assert {"ev": "data_close", "n": 0, "by": "peer"} in bench.events


def test_a_connection_that_nobody_takes_fails() -> None:
    """Pins CONNECT FAIL with its state, and bad arguments."""
    bench = Bench()
    bench.refuse_connections = True
    for command in ('AT+CSTT="cmiot"', "AT+CIICR", "AT+CIFSR"):
        bench.send(command, 5)
    failed = b"\r\nOK\r\n\r\nSTATE: TCP CLOSED\r\n\r\nCONNECT FAIL\r\n"
    assert bench.send('AT+CIPSTART="TCP","broker.example","1883"', 5) == failed
    bench.send("AT+CMEE=1")
    assert bench.send('AT+CIPSTART="TCP","broker.example"') == b"\r\n+CME ERROR: 50\r\n"
    assert bench.send('AT+CIPSTART="UDP","broker.example",1883') == b"\r\n+CME ERROR: 50\r\n"
    assert bench.send('AT+CIPSTART="TCP","broker.example",70000') == b"\r\n+CME ERROR: 50\r\n"


def test_names_are_resolved_only_with_a_bearer() -> None:
    """Pins +CDNSGIP for a name that exists and one that does not."""
    bench = Bench()
    assert bench.send('AT+CDNSGIP="broker.example"') == b"\r\nERROR\r\n"
    bench.connect()
    assert bench.send('AT+CDNSGIP="broker.example"', 2) == (
        b'\r\nOK\r\n\r\n+CDNSGIP: 1,"broker.example","192.0.2.7"\r\n'
    )
    assert bench.send('AT+CDNSGIP="nowhere.invalid"', 2) == b"\r\nOK\r\n\r\n+CDNSGIP: 0,8\r\n"


def test_in_a_call_bytes_wait_on_both_sides_and_flow_after_it() -> None:
    """Pins class B from the dialling to the end of the call."""
    bench = Bench()
    bench.control("number 01055500001 answer after=1")
    pipe = bench.connect()
    bench.send("ATD01055500001;", 0.4)
    assert pipe.flow() == "held"
    assert put(bench, b"waits") == b"\r\nDATA ACCEPT:5\r\n"
    assert pipe.sent == b""
    assert bench.send("AT+CIPACK") == b"\r\n+CIPACK: 5,0,5\r\n\r\nOK\r\n"
    bench.sleep(30)
    assert bench.send("ATH", 1) == b"\r\nOK\r\n"
    assert pipe.sent == b"waits"
    assert pipe.flow() == "open"


def test_a_close_during_a_call_is_told_after_it() -> None:
    """Pins that nothing of the packet service is heard in a call."""
    bench = Bench()
    pipe = bench.connect()
    bench.send("ATD01055500001;", 1)
    pipe.connection.closed()
    assert bench.out() == b""
    assert bench.send("ATH", 1) == b"\r\nCLOSED\r\n\r\nOK\r\n"


def test_no_session_starts_in_a_call_and_a_connection_waits_for_its_end() -> None:
    """Pins CIICR's refusal, and CIPSTART that comes through afterwards."""
    bench = Bench()
    bench.send('AT+CSTT="cmiot","",""')
    bench.send("ATD01055500001;", 1)
    assert bench.send("AT+CIICR", 5) == b"\r\nERROR\r\n"
    bench.send("ATH", 1)
    assert bench.send("AT+CIICR", 5) == b"\r\nOK\r\n"
    bench.send("AT+CIFSR")
    bench.send("ATD01055500001;", 1)
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883', 5) == b"\r\nOK\r\n"
    assert state(bench) == "TCP CONNECTING"
    assert bench.send("ATH", 1) == b"\r\nCONNECT OK\r\n\r\nOK\r\n"


def test_the_network_takes_the_context_away() -> None:
    """Pins +PDP: DEACT, that CIPSHUT is required then, and that data can come back at once."""
    bench = Bench()
    pipe = bench.connect()
    bench.control("data deact")
    assert bench.out() == b"\r\n+PDP: DEACT\r\n"
    assert pipe.gone
    assert state(bench) == "PDP DEACT"
    assert bench.send("AT+CIFSR") == b"\r\nERROR\r\n"
    assert bench.send("AT+CIPSHUT", 1) == b"\r\nSHUT OK\r\n"
    bench.connect()


def test_without_the_packet_service_nothing_attaches_until_it_is_back() -> None:
    """Pins CGATT and CIICR with the link down, while voice stays registered."""
    bench = Bench()
    bench.send("AT+CGREG=1")
    bench.connect()
    bench.control("data off")
    assert bench.out() == b"\r\n+CGREG: 0\r\n\r\n+PDP: DEACT\r\n"
    assert bench.send("AT+CGATT?;+CREG?") == b"\r\n+CGATT: 0\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n"
    assert bench.send("AT+CGATT=1", 80) == b"\r\nERROR\r\n"
    bench.send("AT+CIPSHUT", 1)
    bench.send('AT+CSTT="cmiot","",""')
    assert bench.send("AT+CIICR", 90) == b"\r\nERROR\r\n"
    bench.control("data on")
    assert bench.after(5) == b"\r\n+CGREG: 1\r\n"
    assert bench.send("AT+CIICR", 5) == b"\r\nOK\r\n"


def test_in_a_black_hole_bytes_vanish_and_nobody_is_told() -> None:
    """Pins a dead link that looks alive, and that a connection which lost bytes never comes back."""
    bench = Bench()
    pipe = bench.connect()
    bench.control("data blackhole")
    assert put(bench, b"lost") == b"\r\nDATA ACCEPT:4\r\n"
    pipe.connection.received(b"lost too")
    pipe.connection.closed()
    assert bench.after(60) == b""
    assert pipe.sent == b""
    assert bench.send("AT+CIPACK") == b"\r\n+CIPACK: 4,0,4\r\n\r\nOK\r\n"
    assert state(bench) == "CONNECT OK"
    assert dict(bench.modem.dropped) == {"tx_black_hole": 4, "rx_black_hole": 8}
    bench.control("data on")
    assert put(bench, b"still") == b"\r\nDATA ACCEPT:5\r\n"
    assert pipe.sent == b""
    bench.send("AT+CIPSHUT", 1)
    assert put_after_connect(bench) == b"\r\nDATA ACCEPT:5\r\n"


def put_after_connect(bench: Bench) -> bytes:
    bench.connect()
    return put(bench, b"fresh")


def test_a_connection_into_a_black_hole_fails_after_the_longest_time() -> None:
    """Pins the wait that a driver must bound by itself."""
    bench = Bench()
    bench.control("data blackhole")
    for command in ('AT+CSTT="cmiot"', "AT+CIICR", "AT+CIFSR"):
        bench.send(command, 5)
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883', 155) == b"\r\nOK\r\n"
    assert bench.after(10) == b"\r\nSTATE: TCP CLOSED\r\n\r\nCONNECT FAIL\r\n"


def test_both_buffers_are_bounded() -> None:
    """Pins backpressure inwards, and SEND FAIL with a count outwards."""
    bench = Bench()
    pipe = bench.connect()
    pipe.connection.received(bytes(RX_LIMIT))
    assert pipe.flow() == "held"
    assert pipe.connection.room() == 0
    bench.out()
    bench.send("AT+CIPRXGET=2,1")
    assert pipe.flow() == "open"
    pipe.stuck = TX_LIMIT - 100
    assert put(bench, bytes(100)) == b"\r\nDATA ACCEPT:100\r\n"
    assert put(bench, bytes(101)) == b"\r\nSEND FAIL\r\n"
    assert bench.modem.dropped["tx_refused"] == 101


def test_several_connections_carry_their_number() -> None:
    """Pins the forms of CIPMUX=1, which is chosen in IP INITIAL only."""
    bench = Bench()
    for command in ("AT+CIPMUX=1", "AT+CIPRXGET=1", "AT+CIPQSEND=1", 'AT+CSTT="cmiot"', "AT+CIICR", "AT+CIFSR"):
        bench.send(command, 5)
    assert bench.send("AT+CIPMUX=0") == b"\r\nERROR\r\n"
    assert bench.send('AT+CIPSTART=2,"TCP","broker.example",1883', 5) == b"\r\nOK\r\n\r\n2, CONNECT OK\r\n"
    assert bench.send('AT+CIPSTART=6,"TCP","broker.example",1883', 5) == b"\r\nERROR\r\n"
    bench.send("AT+CIPSEND=2,3")
    bench.feed(b"abc")
    assert bench.out() == b"\r\nDATA ACCEPT:2,3\r\n"
    bench.pipes[0].connection.received(b"xy")
    assert bench.out() == b"\r\n+CIPRXGET: 1,2\r\n"
    assert bench.send("AT+CIPRXGET=4,2") == b"\r\n+CIPRXGET: 4,2,2\r\n\r\nOK\r\n"
    assert bench.send("AT+CIPRXGET=2,2,100") == b"\r\n+CIPRXGET: 2,2,2,0\r\nxy\r\nOK\r\n"
    status = bench.send("AT+CIPSTATUS")
    assert status.startswith(b"\r\nOK\r\n\r\nSTATE: IP PROCESSING\r\n\r\nC: 0,")
    assert b'C: 2,0,"TCP","broker.example","1883","CONNECTED"' in status
    assert bench.send("AT+CIPCLOSE=2") == b"\r\n2, CLOSE OK\r\n"


def test_a_command_can_be_made_to_hold_the_channel() -> None:
    """Pins the switch for the worst day: CIICR that takes its 85 seconds."""
    bench = Bench()
    bench.send('AT+CSTT="cmiot"')
    assert bench.control("block +CIICR 83") == "ok"
    assert bench.send("AT+CIICR", 84) == b""
    bench.feed(b"AT\r")
    assert bench.after(2) == b"\r\nOK\r\n"
    assert bench.modem.dropped["rx_busy"] == 3
    assert bench.send("AT+CIPSHUT", 1) == b"\r\nSHUT OK\r\n"


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=600), st.just("call"), st.just("fetch")), max_size=30))
def test_whatever_happens_the_stream_arrives_whole_and_in_order(steps: list[bytes | str]) -> None:
    """Pins both directions against a plain byte string, with calls in between."""
    bench = Bench()
    bench.control("number default answer after=1")
    pipe = bench.connect()
    sent = fetched = received = b""
    for step in steps:
        if step == "call":
            bench.send("ATD01055500001;", 5)
            bench.send("ATH", 1)
        elif step == "fetch":
            head, _, rest = bench.send("AT+CIPRXGET=2,1460").partition(b"+CIPRXGET: 2,")[2].partition(b"\r\n")
            fetched += rest[: int(head.split(b",")[0])]
        elif isinstance(step, bytes):
            assert put(bench, step).startswith(b"\r\nDATA ACCEPT")
            sent += step
            part = step[: pipe.connection.room()]
            pipe.connection.received(part)
            received += part
            bench.out()
    while chunk := pipe.connection.take(1460):
        fetched += chunk
    assert bytes(pipe.sent) == sent
    assert fetched == received
