"""What fails, and what the terminal makes of it."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from tests.firmware.terminal.desk import ONEKEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.terminal.desk import Cloud, Desk


def test_a_modem_that_restarts_in_a_call_is_initialised_again_and_dials_on(desk: Desk, cloud: Cloud) -> None:
    """An `RDY` nobody asked for ends the call with `modem_reset`, is counted and told, and the ladder goes on."""
    desk.start(n01055500000="answer after=1 talk=100")
    desk.note("connected")
    cloud.wait("boot")
    desk.press("sos", 1200)
    desk.note("talking")
    desk.control("power cycle")
    assert desk.note("ended")["cause"] == "modem_reset"
    desk.note("talking", 1, 60)
    desk.press("cancel", 100)
    cloud.wait("event", 60, ev="modem_restarted")


def test_a_terminal_killed_in_a_call_takes_the_alarm_up_again(desk: Desk, cloud: Cloud) -> None:
    """The call still stands in the modem: it goes on as this press's call, and its end is told for it."""
    desk.start(n01055500000="answer after=1 talk=100")
    desk.note("connected")
    desk.press("sos", 1200)
    press = cloud.wait("press")
    desk.note("talking")
    desk.kill_firmware()
    desk.start_terminal()
    desk.note("boot", 1)
    desk.lamp("talking", after="boot")
    desk.press("cancel", 600)  # keys are ignored for the first 200 ms after a boot
    assert cloud.wait("call", 60, step="end")["ref"] == press["id"]
    assert len([line for line in desk.calls() if line.get("ev") == "dial"]) == 1


def test_a_silent_modem_is_told_and_comes_back(desk: Desk, cloud: Cloud) -> None:
    """Keys go on; the lamp shows that no call can be made; afterwards everything is set up anew."""
    desk.start()
    desk.note("connected")
    cloud.wait("boot")
    desk.control("silence on")
    desk.lamp("no_voice", after="connected")
    desk.press("k1", 300)
    desk.note("press")
    desk.control("silence off")
    desk.note("talking")
    desk.press("cancel", 100)
    cloud.wait("event", 60, ev="modem_silent")
    cloud.wait("event", 60, ev="modem_back")


def test_a_send_that_hangs_gives_way_to_a_dial(desk: Desk, cloud: Cloud) -> None:
    """The modem goes deaf for a moment in the middle of data traffic: the dial waits for no long deadline."""
    desk.start(n01055500000="answer after=1 talk=100")
    desk.note("connected")
    cloud.wait("hb")
    desk.control("silence on")
    desk.press("k1", 300)
    dialled = desk.note("dial")
    desk.control("silence off")
    assert desk.note("talking")["number"] == dialled["number"]


def test_a_dial_behind_a_command_that_blocks_the_modem_goes_out_when_the_modem_listens_again(desk: Desk) -> None:
    """One channel and no power switch: `AT+CIICR` for 6 s costs the dial those, and no rung."""
    desk.start_modem()
    desk.control("number 01055500000 answer after=1 talk=100")
    desk.control("cmux off")
    desk.control("block +CIICR 6")
    desk.start_terminal()
    desk.happened("blocked")
    desk.press("k1", 300)
    desk.note("talking")
    assert len([line for line in desk.lines() if line.get("note") == "dial"]) == 1
    desk.happened("dial")


def test_cancel_and_sos_do_not_wait_for_a_dial_that_the_modem_does_not_answer(desk: Desk, cloud: Cloud) -> None:
    """ATD may take 20 s to say OK: a character ends it, and the line is clear before the next dial."""
    desk.start(n01055500000="answer after=1 talk=100")
    desk.note("connected")
    for nth in range(2):
        desk.control("block D 15")
        desk.press("k1", 300)
        desk.happened("blocked", nth, command="D")
        desk.press("cancel" if nth == 0 else "sos", 1000)
        pressed = desk.note("press", 0, key="cancel" if nth == 0 else "sos")
        assert desk.note("ended", nth)["ms"] - pressed["ms"] < 3000
    desk.note("talking")
    assert len([line for line in desk.calls() if line.get("ev") == "dial"]) == 1
    desk.press("cancel", 100)


def test_sigterm_ends_launcher_and_firmware_in_order(desk: Desk, cloud: Cloud) -> None:
    """As systemd would: the exit code is that of an orderly end, not of a kill."""
    desk.start()
    desk.note("connected")
    assert desk.terminal is not None
    desk.terminal.send_signal(signal.SIGTERM)
    assert desk.terminal.wait(5) == 0


def test_without_micropython_the_command_says_so_and_ends_with_3(tmp_path: Path) -> None:
    """A platform without the unix port is told from a broken set-up."""
    command = [ONEKEY, "terminal", "--uart", "/dev/null", "--state", str(tmp_path), "--keys", str(tmp_path / "k")]
    command += ["--device", "DESK01", "--server", "127.0.0.1:1", "--runtime", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode == 3
    assert b"MicroPython" in done.stderr


def test_a_file_that_is_no_serial_device_is_refused_in_one_line(tmp_path: Path) -> None:
    """No traceback for a wrong path."""
    command = [ONEKEY, "terminal", "--uart", "/dev/null", "--state", str(tmp_path), "--keys", str(tmp_path / "k")]
    command += ["--device", "DESK01", "--server", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(b"onekey terminal: ")
    assert len(done.stderr.splitlines()) == 1
