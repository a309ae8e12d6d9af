"""The smallest program dials whatever else is gone: on both Pythons, over a chip without hardware."""

from firmware.board.okb_a import Board as Table
from firmware.core.lines import pack
from tests.firmware import fakes
from tests.firmware.fakes.chip import Reset, Starved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

DESK, SON = "01055500001", "13800000001"
LADDER = pack([["desk", DESK, 40, 1], ["son", SON, 30, 0]])
SOS, CANCEL, FAMILY = 33, 19, 13


class Bench:
    """The program, a modem that answers, and fingers."""

    def __init__(self, ladder: "bytes | None" = LADDER, modem: bool = True) -> None:
        self.chip = fakes.install()
        from firmware.bare import Bare
        from firmware.hal.cells import Cells
        from firmware.hal.parts import Parts
        from tests.firmware.fakes.modem import Modem

        for _, pin in Table.keys:
            self.chip.outside[pin] = 1
        cells = Cells()
        if ladder is not None:
            cells.set("sos", ladder)
        self.bare = Bare(Parts(Table), cells)
        self.modem = Modem()
        self.modem.silent = not modem
        self.run(1_500)

    def run(self, ms: int) -> None:
        """Time passes."""
        until = self.chip.ms + ms
        while self.chip.ms < until:
            self.bare.step()
            self.chip.advance(10)

    def press(self, pin: int, ms: int = 500) -> None:
        """A finger."""
        self.chip.level(pin, 0)
        self.run(ms)
        self.chip.level(pin, 1)

    def talk(self, ms: int, cause: str = "NO CARRIER") -> None:
        """Somebody answers and hangs up after so long."""
        self.modem.state = "0"
        self.run(ms)
        self.modem.ends(cause)
        self.run(100)


def with_fakes(test: "Callable[[], None]") -> "Callable[[], None]":
    """The desk has its own modules back afterwards."""

    def run() -> None:
        try:
            test()
        finally:
            fakes.remove()

    return run


@with_fakes
def test_the_red_key_dials_and_cancel_hangs_up() -> None:
    """Within a second of the press, with lamp and tone at once."""
    bench = Bench()
    bench.press(SOS)
    bench.run(200)
    assert bench.modem.dialled == [DESK]
    assert bench.chip.tones[-1][0] > 0
    bench.press(CANCEL)
    assert bench.modem.told[-2:].count("ATH") == 1
    bench.run(120_000)
    assert bench.modem.dialled == [DESK]


@with_fakes
def test_a_brush_of_a_sleeve_calls_nobody() -> None:
    """Nor does a contact that settles after power on."""
    bench = Bench()
    bench.press(SOS, 250)
    bench.run(5_000)
    assert bench.modem.dialled == []


@with_fakes
def test_everybody_is_tried_in_order_again_and_again() -> None:
    """Busy, no answer, voicemail: none of them is help."""
    bench = Bench()
    bench.press(SOS)
    bench.run(200)
    bench.modem.ends("BUSY")
    bench.run(2_000)
    assert bench.modem.dialled == [DESK, SON]
    bench.talk(30_000)  # a voicemail talks for as long as it likes
    bench.run(16_000)
    assert bench.modem.dialled == [DESK, SON, DESK]
    bench.run(50_000)  # nobody takes it: hung up after 45 s, the next
    assert bench.modem.dialled == [DESK, SON, DESK, SON]
    assert "ATH" in bench.modem.told


@with_fakes
def test_a_talk_with_the_desk_ends_the_alarm() -> None:
    """Ten seconds at least: a shorter one is no talk."""
    bench = Bench()
    bench.press(SOS)
    bench.run(200)
    bench.talk(5_000)
    bench.run(2_000)
    assert bench.modem.dialled == [DESK, SON]
    bench.modem.ends("BUSY")
    bench.run(16_500)
    assert bench.modem.dialled == [DESK, SON, DESK]
    bench.talk(12_000)
    bench.run(120_000)
    assert bench.modem.dialled == [DESK, SON, DESK]


@with_fakes
def test_any_other_key_calls_who_sits_there_day_and_night() -> None:
    """And the red key goes before it, once."""
    bench = Bench()
    bench.press(FAMILY)
    bench.run(200)
    assert bench.modem.dialled == [DESK]
    bench.press(SOS)
    bench.run(200)
    assert bench.modem.dialled == [DESK, DESK]
    bench.press(SOS)
    bench.run(200)
    assert bench.modem.dialled == [DESK, DESK]


@with_fakes
def test_it_dials_what_stands_in_the_code_if_nothing_is_stored() -> None:
    """Or what is stored is damaged, or holds nothing that can be dialled."""
    for raw in (None, b"damaged", LADDER[:-5], pack([["x", "1;ATZ", 30, 1]]), pack({"a": 1}), pack([1, "x"])):
        bench = Bench(raw)
        bench.press(SOS)
        bench.run(200)
        assert bench.modem.dialled == ["01055500000"], raw


@with_fakes
def test_a_press_waits_for_a_modem_that_is_off() -> None:
    """It is asked, told to leave a multiplexer, and only then switched on; the press is dialled when it answers."""
    bench = Bench(modem=False)
    bench.press(SOS)
    bench.run(10_000)
    assert [level for _, pin, level in bench.chip.moves if pin == 4] == [0]
    assert b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9" in bench.modem.uart.sent
    bench.run(4_000)
    pulse = [(ms, level) for ms, pin, level in bench.chip.moves if pin == 4][1:]
    assert [level for _, level in pulse] == [1, 0]
    assert 1_200 <= pulse[1][0] - pulse[0][0] <= 1_220
    bench.modem.silent = False
    bench.run(2_000)
    assert bench.modem.dialled == [DESK]


@with_fakes
def test_a_modem_that_restarts_in_the_call_is_dialled_on() -> None:
    """It lost the call."""
    bench = Bench()
    bench.press(SOS)
    bench.run(200)
    bench.modem.state = ""
    bench.modem.say("RDY")
    bench.run(3_000)
    assert bench.modem.dialled == [DESK, SON]


@with_fakes
def test_it_is_heard_that_help_is_called() -> None:
    """Never more than five seconds without a tone; silence in a talk."""
    bench = Bench()
    bench.press(SOS)
    begun = bench.chip.ms
    bench.run(30_000)
    heard = [ms for ms, hz in bench.chip.tones if hz and ms > begun - 500]
    assert max([heard[at + 1] - heard[at] for at in range(len(heard) - 1)]) < 5_000
    bench.modem.state = "0"
    bench.run(2_000)
    begun = bench.chip.ms
    bench.run(20_000)
    assert [ms for ms, hz in bench.chip.tones if hz and ms > begun] == []


@with_fakes
def test_after_an_hour_the_terminal_gets_another_try_but_not_in_an_alarm() -> None:
    """And the watchdog is fed all the time."""
    bench = Bench()
    bench.bare.now = 3_600_000 - 20_000
    bench.bare.run()
    assert bench.chip.ms > 20_000
    bench = Bench()
    bench.bare.now = 3_600_000 - 5_000
    bench.press(SOS)
    bench.chip.ticking.append(lambda ms: stop(ms, 60_000))
    try:
        bench.bare.run()
    except Reset:
        pass
    assert bench.chip.ms == 60_000


def stop(ms: int, at: int) -> None:
    """The test has seen enough."""
    if ms == at:
        raise Reset


@with_fakes
def test_a_program_that_hangs_is_bitten() -> None:
    """The watchdog knows nothing of good intentions."""
    bench = Bench()
    bitten = False
    try:
        bench.chip.advance(15_001)
    except Starved:
        bitten = True
    assert bitten
