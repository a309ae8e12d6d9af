"""What proves a talk, how soon the same number is dialled again, and which bound is longer than which."""

from firmware.core import limits
from firmware.core.lines import pack, unpack
from firmware.modem import mux
from tests.firmware.core.bench import DAUGHTER, DESK, SON, Bench


def test_a_talk_counts_only_up_to_the_last_moment_in_which_the_modem_showed_it() -> None:
    """Power cut three seconds into the desk's call, back after eight: nobody was heard for eleven."""
    for cause in ("modem_reset", "timeout", "no_carrier"):
        bench = Bench()
        bench.fire()
        bench.say("active")
        bench.wait(3_000)
        bench.dumb = True
        bench.wait(8_000)
        bench.say("ended", cause)
        bench.wait(limits.AGAIN_MS)
        assert bench.done() == []
        ends = [action[2] for action in bench.of("report") if isinstance(action[2], dict) and "dur" in action[2]]
        assert [fields["dur"] for fields in ends if isinstance(fields, dict)] == [3]


def test_a_modem_that_shows_the_same_talk_after_a_silence_proves_the_whole_of_it() -> None:
    """Only the line between modem and terminal was cut."""
    bench = Bench()
    bench.fire()
    bench.say("active")
    bench.wait(3_000)
    bench.dumb = True
    bench.wait(12_000)
    assert bench.ladder._alarm is not None
    assert bench.ladder._alarm.end is None
    bench.show()
    bench.say("ended", "modem_reset")
    assert bench.done() == ["answered"]


def test_a_talk_that_the_modem_does_not_show_any_more_is_no_silence_for_the_elder_and_no_end_of_the_ladder() -> None:
    """After a few seconds the tone of a call that is being made, after a while the next dial."""
    bench = Bench()
    bench.fire()
    bench.say("active")
    bench.wait(2_000)
    assert bench.ladder.view(bench.now)["phase"] == "talking"
    bench.dumb = True
    bench.wait(5_000)
    assert bench.ladder.view(bench.now)["phase"] == "calling"
    bench.show()
    assert bench.ladder.view(bench.now)["phase"] == "talking"
    bench.wait(limits.TALK_LOST_MS + 1_000 + limits.AGAIN_MS)
    assert len(bench.dialled()) == 2
    assert bench.done() == []


def test_whose_talk_a_fault_of_ours_cut_is_dialled_first_but_not_for_ever() -> None:
    """A call that resets the modem each time must not keep the others from being called."""
    for after_reset in (False, True):
        bench = Bench()
        bench.fire()
        for _ in range(3):
            bench.due()
            bench.say("active")
            bench.wait(2_000)
            if not after_reset:
                bench.say("ended", "modem_reset")
                continue
            after = Bench()
            after.attempt, after.log = bench.attempt, bench.log
            after.do(after.ladder.restore(unpack(pack(bench.ladder.dump())), after.now))
            after.wait(200)
            bench = after
        bench.due()
        assert bench.dialled()[:4] == [DESK[1], DESK[1], SON[1], DESK[1]]


def test_a_modem_that_died_while_it_rang_is_restarted_once_before_the_next_dial() -> None:
    """Not in the same breath: by then it is known that there is no registration."""
    bench = Bench()
    bench.fire()
    bench.say("dialling")
    bench.say("ringing")
    actions = bench.say("ended", "timeout")
    assert ("restart_modem",) in actions
    assert len(bench.dialled()) == 1
    bench.wait(limits.GAP_MS)
    bench.say("ringing")
    bench.say("ended", "timeout")
    assert len(bench.of("restart_modem")) == 1


def test_the_same_number_is_dialled_again_after_five_seconds_and_others_at_once() -> None:
    """A busy line needs them; nobody else has to wait for it."""
    bench = Bench({"sos": [DESK, SON, DAUGHTER, DESK]})
    bench.fire()
    for _ in range(3):
        bench.say("ended", "busy")
    assert bench.dialled() == [DESK[1], SON[1], DAUGHTER[1]]
    bench.wait(limits.AGAIN_MS - 100)
    assert len(bench.dialled()) == 3
    bench.wait(100)
    assert bench.dialled()[3] == DESK[1]


def test_busy_lines_do_not_exhaust_a_ladder_in_seconds() -> None:
    """Three cycles of busy tones last a minute, and are no storm of dials."""
    bench = Bench({"sos": [DESK]})
    bench.fire()
    begun = bench.now
    bench.exhaust()
    assert bench.now - begun >= 3 * limits.CYCLE_MS_MIN
    assert 9 <= len(bench.dialled()) <= 1 + (bench.now - begun) // limits.AGAIN_MS


def test_a_new_press_after_a_cancel_does_not_rest() -> None:
    """What was dialled for the alarm before is no reason to wait."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "busy")
    bench.do(bench.ladder.cancel(bench.now))
    bench.wait(200)
    bench.fire(ref="0123abcd.1.2")
    assert bench.dialled() == [DESK[1], SON[1], DESK[1]]


def test_a_route_that_comes_while_everybody_rests_is_dialled_at_once() -> None:
    """Whom it adds was not dialled a moment ago."""
    bench = Bench({"sos": [DESK]})
    bench.fire(data=True)
    bench.wait(3_000)
    bench.say("ended", "busy")
    bench.wait(1_000)
    assert len(bench.dialled()) == 1
    bench.route([DESK, DAUGHTER])
    assert bench.dialled() == [DESK[1], DAUGHTER[1]]


def test_each_bound_of_a_dial_leaves_room_for_the_ones_below_it() -> None:
    """Else a modem that takes its longest time is aborted in the moment in which it dials."""
    assert limits.HANGUP_MS >= limits.CLEAR_MS
    assert limits.SETUP_MS >= limits.CLEAR_MS + limits.ATD_MS + 2_000
    assert limits.DIAL_MS > limits.SETUP_MS
    assert limits.MUTE_RING_MS < limits.MUTE_DIAL_MS < limits.ATD_MS
    assert limits.TALK_DOUBT_MS < limits.MUTE_TALK_MS < limits.TALK_LOST_MS
    assert mux.T1_MS >= 2 * 400
