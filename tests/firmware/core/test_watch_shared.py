"""Who is late, how the next start is made, and when a silent modem costs a restart. On both Pythons."""

from firmware.core import watch


def test_only_who_stays_away_is_late() -> None:
    """Counted from the beginning for a task that never came round at all."""
    beats = watch.Watch(1_000)
    assert beats.late(6_000) == []
    assert beats.late(6_001) == ["keys", "supervisor"]
    beats.beat("keys", 6_001)
    beats.beat("supervisor", 6_001)
    assert beats.late(11_001) == []
    assert beats.late(201_001) == ["keys", "modem", "supervisor"]


def test_the_modem_may_wait_for_its_longest_command_twice() -> None:
    """AT+CIICR takes 85 s."""
    assert watch.LIMITS_MS["modem"] > 2 * 85_000


def test_three_failed_starts_lead_to_calls_alone_and_six_to_the_smallest_program() -> None:
    """Power that comes and goes counts nothing; nonsense in storage is no failure."""
    stored = None
    modes = []
    for cause in ("power", "crash", "watchdog", "brownout", "power", "soft", "crash", "crash", "crash"):
        before = watch.failed(stored)
        modes.append(watch.mode(before))
        stored = watch.counted(before, cause)
    assert modes == ["full", "full", "full", "full", "safe", "safe", "safe", "safe", "bare"]
    assert [watch.failed(raw) for raw in (None, b"", b"x", b"-1", b"123", b"7")] == [0, 0, 0, 0, 0, 7]
    assert watch.counted(99, "crash") == b"99"


def test_after_another_try_one_failure_is_enough() -> None:
    """The full program is tried once an hour, not three times."""
    before = watch.failed(watch.again())
    assert watch.mode(before) == watch.FULL
    assert watch.mode(watch.failed(watch.counted(before, "crash"))) == watch.SAFE


def decisions(until: int, silent: "tuple[int, int]", open_: bool) -> "list[tuple[int, str]]":
    """(s, what) of a modem that is silent between two seconds, looked at each second."""
    silence = watch.Silence()
    out = []
    for second in range(until):
        what = silence.decide(second * 1_000, silent[0] <= second < silent[1], open_)
        if what:
            out.append((second, what))
    return out


def test_a_silent_modem_is_cut_three_times_and_then_the_board_starts_again() -> None:
    """Ten minutes each, for its driver tries all the time."""
    assert decisions(3_000, (0, 9_999), False) == [
        (600, "restart"),
        (1_200, "restart"),
        (1_800, "restart"),
        (2_400, "reboot"),
    ]
    assert decisions(3_000, (100, 699), False) == []


def test_a_call_that_may_still_be_heard_is_given_half_an_hour() -> None:
    """The talk goes on although the modem's UART is dead."""
    assert decisions(1_900, (0, 9_999), True) == [(1_800, "restart")]
