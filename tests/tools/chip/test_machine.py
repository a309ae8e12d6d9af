"""`machine`, `esp32` and the console as a program on the chip has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import serial

from tests.tools.chip.using import mpremote
from tools.chip.board import HARD, POWER, SOFT, WATCHDOG

if TYPE_CHECKING:
    from tools.chip import Chip

LIMIT_S = 60.0


def run(chip: Chip, *lines: str) -> str:
    """At the raw prompt; what it prints."""
    return mpremote(chip.port, "resume", "exec", "\n".join(lines)).strip()


def says(chip: Chip, text: str) -> bool:
    """On its console, once."""
    return chip.wait(lambda: text.encode() in chip.console, LIMIT_S)


def main(chip: Chip, *lines: str) -> None:
    """The board's main.py, from power on."""
    (chip.files / "main.py").write_text("\n".join(lines) + "\n")
    chip.reset(POWER)


def test_it_sees_nothing_of_this_machine(chip: Chip) -> None:
    """A folder is its root."""
    (chip.files / "one.txt").write_text("1")
    assert run(chip, "import os; print(os.listdir('/'), os.getcwd())") == "['one.txt'] /"
    look = "try: print(open('%s').read())"
    for path in ("/etc/passwd", "/../../../../../../etc/passwd"):
        assert run(chip, look % path, "except OSError: print('nothing')") == "nothing"


def test_boot_and_main_run_as_the_main_program_at_power_on(chip: Chip) -> None:
    """In this order."""
    (chip.files / "boot.py").write_text("print('first', __name__)\n")
    main(chip, "print('second', __name__)")
    assert says(chip, "second __main__")
    assert chip.console.index(b"first __main__") < chip.console.index(b"second __main__")


def test_keys_are_low_while_pressed_and_call_their_handler(chip: Chip) -> None:
    """Contacts to ground, pulled up by the board."""
    main(
        chip,
        "from machine import Pin", "import time",
        "pin = Pin(33, Pin.IN)", "print('rest', pin.value())",
        "pin.irq(lambda p: print('edge', p.value()), Pin.IRQ_FALLING)",
        "while True: time.sleep(0.01); pin.value()",
    )  # fmt: skip
    assert says(chip, "rest 1")
    chip.hold("sos")
    assert says(chip, "edge 0")
    chip.release("sos")


def test_voltages_come_through_their_dividers(chip: Chip) -> None:
    """Half of them at the pins, and no more than the converter measures."""
    chip.battery_mv(3_700)
    chip.mains(on=False)
    code = "from machine import ADC, Pin; print(*[ADC(Pin(p), atten=ADC.ATTN_11DB).read_uv() for p in (36, 39)])"
    assert run(chip, code) == "1850000 0"
    chip.mains(on=True)
    assert run(chip, code) == "1850000 2450000"


@pytest.mark.parametrize(
    "wrong",
    [
        "Pin(34, Pin.OUT)", "Pin(34, Pin.IN, Pin.PULL_UP)", "Pin(6)", "ADC(Pin(4))", "UART(3, 9600, tx=1, rx=3)",
        "WDT(timeout=10)",
    ],
)  # fmt: skip
def test_what_the_chip_refuses_is_refused(chip: Chip, wrong: str) -> None:
    """As the manual has it."""
    said = run(chip, "from machine import *", f"try: {wrong}", "except ValueError: print('refused')")
    assert said == "refused"


def test_a_value_of_storage_counts_after_a_reset_once_it_was_committed(chip: Chip) -> None:
    """And not before."""
    run(chip, "import esp32; n = esp32.NVS('onekey'); n.set_blob('a', b'1'); n.commit(); n.set_blob('b', b'2')")
    chip.reset()
    assert (chip.nvs("a"), chip.nvs("b")) == (b"1", None)
    read = "try: print(n.get_blob('b', bytearray(9)))"
    assert run(chip, "import esp32; n = esp32.NVS('onekey')", read, "except OSError as e: print(e.args[0])") == "-4354"
    run(chip, "n.erase_key('a'); n.commit(); n.set_i32('n', -5); n.commit(); print(n.get_i32('n'))")
    assert chip.nvs_names() == ["n"]


def test_storage_is_full_some_day(chip: Chip) -> None:
    """It has four pages; what was there stays."""
    said = run(
        chip,
        "import esp32; n = esp32.NVS('onekey')",
        "for i in range(10):",
        " try: n.set_blob('v%d' % i, bytes(1900)); n.commit()",
        " except OSError as e: print(i, e.args[0]); break",
    )
    assert said == "6 -4357"
    assert len(chip.nvs_names()) == 6


def test_a_file_system_is_full_some_day(chip: Chip) -> None:
    """983,040 bytes, of a flash of 4 MB."""
    (chip.files / "big.bin").write_bytes(bytes(982_000))
    said = run(
        chip,
        "f = open('more', 'wb')",
        "try:", " for i in range(9): f.write(bytes(500))",
        "except OSError as e: print(i, e.args[0])",
    )  # fmt: skip
    assert said == "2 28"


def test_a_starved_watchdog_starts_the_chip_again(chip: Chip) -> None:
    """And says so at the next start."""
    main(
        chip,
        "import machine, time", "print('cause', machine.reset_cause())",
        "if machine.reset_cause() != 3:", " machine.WDT(timeout=1000)", " while True: time.sleep(1)",
    )  # fmt: skip
    assert says(chip, "cause 3")
    assert chip.boots[-1] == WATCHDOG


def test_a_soft_reset_does_not_stop_the_watchdog(chip: Chip) -> None:
    """Whoever stops a running terminal has its patience and no more."""
    run(chip, "import machine; machine.WDT(timeout=3000)")
    mpremote(chip.port, "soft-reset")
    assert SOFT in chip.boots
    assert chip.wait(lambda: chip.boots[-1] == WATCHDOG, LIMIT_S)


def test_a_reset_keeps_the_clocks_memory_and_a_power_cut_does_not(chip: Chip) -> None:
    """2 KB that a program may leave to the next."""
    run(chip, "import machine; machine.RTC().memory(b'mark')")
    chip.reset()
    assert run(chip, "import machine; print(machine.RTC().memory(), machine.reset_cause())") == f"b'mark' {HARD}"
    chip.reset(POWER)
    assert run(chip, "import machine; print(machine.RTC().memory(), machine.reset_cause())") == f"b'' {POWER}"


def test_the_time_that_a_program_sets_is_told(chip: Chip) -> None:
    """This machine's clock is not touched."""
    run(chip, "import machine; machine.RTC().datetime((2030, 3, 18, 0, 16, 0, 0, 0))")
    assert chip.wait(lambda: chip.clock == [2030, 3, 18, 0, 16, 0, 0, 0], LIMIT_S)


def test_ctrl_c_interrupts_what_runs(chip: Chip) -> None:
    """And leaves a prompt."""
    main(chip, "import time", "print('running')", "while True: time.sleep(1)")
    assert says(chip, "running")
    assert run(chip, "print(6*7)") == "42"
    assert says(chip, "KeyboardInterrupt")


def test_ctrl_c_at_any_moment_of_a_start_leaves_a_board_with_its_own_root(chip: Chip) -> None:
    """Whoever knocks while it starts finds a prompt of the board, and nothing started twice."""
    for turn in range(12):
        chip.reset()
        boots = len(chip.boots)
        assert run(chip, "import os, machine; print(os.listdir('/'))") == "[]", turn
        assert len(chip.boots) == boots


def test_a_locked_console_takes_no_ctrl_c(chip: Chip) -> None:
    """Nothing interrupts a program that switched it off; it reads the keys itself."""
    main(
        chip,
        "import micropython, sys, time", "micropython.kbd_intr(-1)", "print('locked')",
        "print('got', repr(sys.stdin.read(2)))", "time.sleep(600)",
    )  # fmt: skip
    assert says(chip, "locked")
    with serial.Serial(chip.port, 115_200, timeout=1) as port:
        port.write(b"\x03\x03")
        assert says(chip, r"got '\x03\x03'")
    assert b"KeyboardInterrupt" not in chip.console
    assert len(chip.boots) == 2  # from the factory, and with this program


def test_its_end_is_a_soft_reset(chip: Chip) -> None:
    """sys.exit() of main.py, as on the chip."""
    main(chip, "import machine, sys", "if machine.reset_cause() != 5: sys.exit()", "print('again')")
    assert says(chip, "again")


def test_the_modem_answers_on_the_uart_and_not_at_another_speed(chip: Chip) -> None:
    """Pins 27 and 26, 115,200 baud."""
    assert chip.wait(lambda: any(one["ev"] == "ready" for one in chip.events), LIMIT_S)
    ask = [
        "import time",
        "def ask():",
        " u.read(); u.write(b'AT\\r'); time.sleep(0.5); u.any(); return u.read() or b''",
    ]
    setup = "from machine import UART; u = UART(2, 115200, tx=27, rx=26, rxbuf=4096)"
    assert run(chip, setup, *ask, "ask(); print(b'OK' in ask())") == "True"
    assert run(chip, "u.init(9600)", "print(b'OK' in ask())") == "False"


def test_lamp_and_buzzer_are_counted(chip: Chip) -> None:
    """Colours as they are, tones as they begin."""
    run(
        chip,
        "from machine import PWM, Pin, bitstream", "import time",
        "for grb in ((0, 60, 0), (0, 0, 0), (40, 0, 0), (0, 0, 0)):",
        " bitstream(Pin(14, Pin.OUT), 0, (400, 850, 800, 450), bytes(grb))",
        "p = PWM(Pin(25), freq=1000, duty_u16=0)",
        "for _ in range(3): p.duty_u16(32768); p.duty_u16(0)",
    )  # fmt: skip
    assert chip.wait(lambda: chip.buzzer.count() == 3, LIMIT_S)
    assert [value for _, value in chip.lamp.changes] == [0x3C0000, 0, 0x002800, 0]
    assert chip.lamp.count(2) == 1
