"""27.010 on both Pythons: frames as the standard has them, damage, restarts, and bytes that come one at a time."""

from firmware.modem import mux
from firmware.modem.mux import N1, RAW, T1_MS, UIH, Decoder, Mux, frame

# The standard's, and the firmware's own: what it keeps to itself has no name on MicroPython.
POLL = 0x10
UA = 0x63 | POLL
DM = 0x0F | POLL
DISC = 0x43 | POLL
CLOSED, OPENING, OPEN = range(3)
TRIES = 4
REOPEN_MS = 10_000
STUCK_MS = 600
OUT_MAX = 512


def answer(dlci: int, control: int, info: bytes = b"") -> bytes:
    """A frame of the modem's."""
    return frame(dlci, control, info, False)


def opened() -> Mux:
    """A session whose four channels the modem has accepted."""
    session = Mux(0)
    for dlci in range(4):
        session.receive(answer(dlci, UA), 1)
    session.out = bytearray()
    return session


def test_frames_are_those_of_the_standard() -> None:
    """Bytes that other programs and modems know by heart."""
    assert bytes(Mux(0).out) == b"\xf9\x03\x3f\x01\x1c\xf9"
    assert mux.recover().strip(b"\x1b\r").lstrip(b"\xf9") == b"\x03\xef\x05\xc3\x01\xf2\xf9"
    assert frame(1, UIH, b"AT\r") == b"\xf9\x07\xef\x07AT\r\xd3\xf9"


def test_a_stream_is_the_same_however_it_is_cut() -> None:
    """A UART hands out one byte or a hundred; flags may stand alone, shared or doubled."""
    stream = answer(1, UIH, b"\r\nOK\r\n") + b"\xf9\xf9" + answer(2, UIH, bytes(range(127))) + answer(3, UA)[1:]
    wanted = [(1, UIH, b"\r\nOK\r\n"), (2, UIH, bytes(range(127))), (3, UA & ~POLL, b"")]
    for size in (1, 2, 3, 7, 64, len(stream)):
        decoder = Decoder()
        found = []
        for at in range(0, len(stream), size):
            found += decoder.feed(stream[at : at + size], at)
        assert found == wanted
        assert decoder.bad == 0


def test_a_damaged_frame_costs_itself_and_no_other() -> None:
    """Every single byte turned over once: what follows the damage is read."""
    first, second = answer(1, UIH, b"\r\n+CLCC: 1\r\n"), answer(1, UIH, b"\r\nOK\r\n")
    for at in range(1, len(first)):
        torn = bytearray(first)
        torn[at] ^= 0x40
        decoder = Decoder()
        tokens = decoder.feed(bytes(torn) + second, 0) + decoder.tick(1000) + decoder.tick(2000)
        frames = [one for one in tokens if one[0] != RAW]
        # The damage of a byte that no checksum covers is inside the text, and the AT engine's to notice.
        assert frames[-1] == (1, UIH, b"\r\nOK\r\n") or at == len(first) - 1
        assert len(frames) <= 2


def test_what_a_restarted_modem_says_is_heard_behind_half_a_frame() -> None:
    """It stopped in the middle of a frame, and its first words must not wait for the rest of that."""
    decoder = Decoder()
    assert decoder.feed(answer(2, UIH, b"x" * 100)[:20], 0) == []
    assert decoder.feed(b"\r\nRDY\r\n", 10) == []
    assert decoder.tick(100) == []
    assert (RAW, 0, b"RDY") in decoder.tick(10 + STUCK_MS)
    assert decoder.feed(b"\r\n+CFUN: 1\r\n", 500) == [(RAW, 0, b"+CFUN: 1")]
    assert decoder.bad == 1


def test_noise_is_bounded_and_counted() -> None:
    """A wrong speed makes bytes for ever: they must not fill the heap."""
    decoder = Decoder()
    for at in range(50):
        assert decoder.feed(b"\x80\x55\xaa\x01" * 64, at) == []
    assert decoder.dropped > 12_000


def test_a_session_opens_control_voice_data_and_texts_in_this_order() -> None:
    """And tells the modem on each that it is there."""
    session = Mux(0)
    seen = []
    for dlci in range(4):
        seen.append(bytes(session.out))
        session.out = bytearray()
        assert not session.up
        session.receive(answer(dlci, UA), dlci)
    assert [one[-5] >> 2 for one in seen] == [0, 1, 2, 3]
    assert session.up
    assert session.state == [OPEN] * 4
    assert session.may_send(mux.VOICE)


def test_an_unanswered_opening_is_repeated_and_then_given_up() -> None:
    """A modem that said OK and does not multiplex must not keep a dial waiting for long."""
    session = Mux(0)
    asked = 1
    now = 0
    while not session.ended:
        now += T1_MS
        session.out = bytearray()
        session.tick(now)
        asked += bytes(session.out).count(b"\xf9\x03\x3f\x01\x1c\xf9")
    assert session.ended == "unanswered"
    assert asked == TRIES
    assert now == T1_MS * TRIES


def test_a_refused_channel_before_all_are_open_ends_the_session() -> None:
    """Two channels are not what the rest is built for: then it is one."""
    session = Mux(0)
    session.receive(answer(0, UA) + answer(1, UA) + answer(2, DM), 1)
    assert session.ended == "refused"


def test_a_data_channel_that_the_modem_closes_is_asked_for_again_and_voice_goes_on() -> None:
    """Nothing that happens to data may touch a call."""
    session = opened()
    assert session.receive(frame(2, DISC, b"", False), 10) == [(mux.LOST, b"\x02")]
    assert not session.ended
    assert session.state[2] == CLOSED
    assert session.may_send(mux.VOICE)
    assert not session.may_send(mux.DATA)
    assert bytes(session.out) == frame(2, UA, b"", False)
    session.tick(10 + REOPEN_MS)
    session.receive(answer(2, UA), 11 + REOPEN_MS)
    assert session.may_send(mux.DATA)


def test_the_voice_channel_is_the_session() -> None:
    """Without it the modem must be spoken to in another way at once."""
    for bad in (answer(1, DM), answer(0, DM), answer(0, UIH, b"\xc3\x01")):
        session = opened()
        session.receive(bad, 10)
        assert session.ended == "closed"
        assert not session.may_send(mux.VOICE)


def test_the_modem_stops_one_channel_or_all_and_is_answered() -> None:
    """MSC with its FC bit, FCoff and FCon."""
    session = opened()
    session.receive(answer(0, UIH, b"\xe3\x05\x0b\x8f"), 10)
    assert not session.may_send(mux.DATA)
    assert session.may_send(mux.VOICE)
    assert bytes(session.out) == frame(0, UIH, b"\xe1\x05\x0b\x8f")
    session.receive(answer(0, UIH, b"\xe3\x05\x0b\x8d\x63\x01"), 10)
    assert not session.may_send(mux.VOICE)
    session.receive(answer(0, UIH, b"\xa3\x01"), 10)
    assert session.may_send(mux.VOICE)
    assert session.may_send(mux.DATA)


def test_messages_that_nobody_knows_are_answered_so_and_answers_are_not_answered() -> None:
    """NSC; and a test is echoed."""
    session = opened()
    session.receive(answer(0, UIH, b"\x43\x01\xe1\x05\x07\x8d\x23\x05ab"), 10)
    assert bytes(session.out) == frame(0, UIH, b"\x11\x03\x43") + frame(0, UIH, b"\x21\x05ab")


def test_answers_to_a_modem_that_talks_without_end_are_bounded() -> None:
    """The heap is small."""
    session = opened()
    for _ in range(200):
        session.receive(answer(0, UIH, b"\x23\x05ab"), 10)
    assert len(session.out) <= OUT_MAX
    assert session.dropped > 100


def test_a_frame_of_ours_takes_127_bytes_and_never_more() -> None:
    """The length has one byte."""
    assert Decoder().feed(frame(2, UIH, b"\xf9" * N1), 0) == [(2, UIH, b"\xf9" * N1)]
