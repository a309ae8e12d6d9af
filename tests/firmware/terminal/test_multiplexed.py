"""Voice never waits for data: the firmware and a modem that multiplexes, one that refuses, and one that forgets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.firmware.terminal.desk import Cloud, Desk

ANSWERS = "answer after=1 talk=100"
WHOLE_TEST_S = 85  # longer than any wait here: what talks before that did not wait for it


def dials(desk: Desk) -> int:
    """Calls that the modem was asked for."""
    return len([line for line in desk.calls() if line.get("ev") == "dial"])


def test_a_press_dials_while_the_bearer_takes_its_longest(desk: Desk) -> None:
    """`AT+CIICR` holds the data channel for 85 s; the dial leaves on the voice's, and no restart is needed."""
    desk.start_modem()
    desk.control(f"number 01055500000 {ANSWERS}")
    desk.control(f"block +CIICR {WHOLE_TEST_S}")
    desk.start_terminal()
    desk.happened("blocked", command="+CIICR")
    desk.press("k1", 300)
    desk.note("talking")
    assert dials(desk) == 1
    assert not [line for line in desk.calls() if line.get("ev") == "power" and line.get("state") == "reset"][1:]


def test_a_terminal_killed_while_multiplexing_dials_at_once_after_its_restart(desk: Desk, cloud: Cloud) -> None:
    """The modem speaks frames to a terminal that knows nothing of them; a press finds it all the same."""
    desk.start(n01055500000=ANSWERS)
    desk.note("connected")
    desk.kill_firmware()
    desk.start_terminal()
    desk.note("boot", 1)
    desk.press("k1", 1000)
    desk.note("talking")
    desk.press("cancel", 600)
    desk.note("connected", 1)
    assert dials(desk) == 1
    assert not cloud.of("event", ev="modem_silent")


def test_a_terminal_killed_with_a_dial_open_dials_again(desk: Desk) -> None:
    """Killed with -9 while the phone rings: the alarm is taken up over a modem that still speaks frames."""
    desk.start(n01055500000="answer after=300")
    desk.note("connected")
    desk.press("sos", 1200)
    desk.note("dial")
    desk.happened("dial")
    desk.kill_firmware()
    desk.control(f"number 01055500000 {ANSWERS}")
    desk.start_terminal()
    desk.note("talking", 0, 60)


def test_a_modem_that_resets_while_multiplexing_is_multiplexed_again(desk: Desk, cloud: Cloud) -> None:
    """Its `RDY` comes without a frame: counted, told, set up anew, and the call goes on with the next dial."""
    desk.start(n01055500000=ANSWERS)
    desk.note("connected")
    cloud.wait("boot")
    desk.press("sos", 1200)
    desk.note("talking")
    desk.control("power cycle")
    assert desk.note("ended")["cause"] == "modem_reset"
    desk.note("talking", 1, 60)
    desk.press("cancel", 100)
    cloud.wait("event", 60, ev="modem_restarted")
    desk.control(f"block +CIICR {WHOLE_TEST_S}")
    desk.control("power cycle")
    desk.happened("blocked", command="+CIICR")
    desk.press("k1", 300)
    desk.note("talking", 2, 60)


def test_a_modem_that_refuses_runs_on_one_channel_and_the_cloud_hears_of_it(desk: Desk, cloud: Cloud) -> None:
    """Calls and data work; once the modem multiplexes, that is told too."""
    desk.start_modem()
    desk.control("cmux off")
    desk.control(f"number 01055500000 {ANSWERS}")
    desk.start_terminal()
    desk.note("connected")
    cloud.wait("event", 60, ev="modem_refuses_mux")
    desk.press("k1", 300)
    desk.note("talking")
    desk.press("cancel", 300)
    desk.note("ended")
    desk.control("cmux on")
    desk.control("power cycle")
    cloud.wait("event", 60, ev="modem_accepts_mux")
