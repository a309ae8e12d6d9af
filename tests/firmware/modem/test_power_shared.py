"""The decisions about the modem's power, on both Pythons."""

from firmware.modem.power import left, wake

ANSWER_MS = 12_000
ASK_FIRST = 2
LEAVE_MS = 5_000
MUTE = 8


def test_a_modem_without_a_status_line_is_asked_before_it_is_switched() -> None:
    """PWRKEY toggles: the terminal may have restarted beside a modem that runs."""
    assert wake(None, 0, None) == ""
    assert wake(None, ASK_FIRST - 1, None) == ""
    assert wake(None, ASK_FIRST, None) == "on"


def test_a_status_line_is_believed() -> None:
    """Off: on at once. On: it runs, however mute, and only much patience ends in a restart."""
    assert wake(False, 0, None) == "on"
    assert wake(True, MUTE - 1, None) == ""
    assert wake(True, MUTE, None) == "restart"


def test_a_modem_that_starts_is_left_alone() -> None:
    """A second press would switch it off again."""
    for status in (None, False, True):
        assert wake(status, 100, ANSWER_MS - 1) == ""
        assert wake(status, 100, ANSWER_MS) != ""


def test_off_is_what_the_line_or_the_modem_says() -> None:
    """With a line that says on, a word is not enough: the line drops a second later."""
    assert left(False, False, 0) == "off"
    assert left(None, True, 0) == "off"
    assert left(True, True, 0) == ""
    assert left(None, False, LEAVE_MS - 1) == ""
    assert left(None, False, LEAVE_MS) == "unknown"
    assert left(True, True, LEAVE_MS) == "stuck"
