"""The rules of an emergency, one test for each, under the name that the rule has in people's mouths."""

from firmware.core import limits
from tests.firmware.core.bench import DAUGHTER, DESK, SON, Bench


def test_data_down_the_dial_order_comes_in_the_same_moment() -> None:
    """And before everything else that the press leads to but the hang-up of another call."""
    bench = Bench()
    actions = bench.fire(data=False)
    assert [action[0] for action in actions if action[0] in ("dial", "hangup")] == ["dial"]


def test_data_up_the_dial_waits_three_seconds_at_most() -> None:
    """Whatever is configured, and whether the cloud answers or not."""
    for times in ({}, {"publish_wait": 60_000}):
        bench = Bench(times=times)
        bench.fire(data=True)
        bench.wait(2_900)
        assert bench.dialled() == []
        bench.wait(100)
        assert bench.dialled() == [DESK[1]]


def test_sos_preempts_whatever_state_another_call_is_in() -> None:
    """Hang up, wait three seconds at most, dial."""
    for steps in ((), ("dialling",), ("ringing",), ("active",)):
        bench = Bench()
        bench.deaf_to_hangup = True
        bench.fire("k1")
        for step in steps:
            bench.say(step)
        actions = bench.fire("sos", "0123abcd.1.2")
        assert ("hangup",) in actions
        bench.wait(limits.HANGUP_MS)
        assert bench.dialled() == [SON[1], DESK[1]]


def test_cancel_never_delays_a_dial() -> None:
    """There is no window before the dial in which it could come: it hangs up what has begun."""
    bench = Bench()
    bench.fire()
    assert len(bench.dialled()) == 1
    assert bench.do(bench.ladder.cancel(bench.now))[0] == ("hangup",)


def test_a_voicemail_of_any_length_is_not_an_end() -> None:
    """A machine talks too: only who is staffed ends an SOS by talking."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "no_answer")
    bench.talk(600_000)
    assert bench.done() == []
    assert bench.dialled() == [DESK[1], SON[1], DESK[1]]


def test_a_staffed_talk_ends_it_only_from_ten_seconds_on() -> None:
    """Below the bound it counts as not answered."""
    for ms, ends in ((9_900, []), (10_000, ["answered"])):
        bench = Bench()
        bench.fire()
        bench.talk(ms)
        assert bench.done() == ends


def test_an_accept_by_key_ends_it_on_any_rung() -> None:
    """Whoever presses 1 is no machine."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "busy")
    bench.say("active")
    for key in "023456789*#":
        assert bench.do(bench.ladder.dtmf(key, bench.now)) == []
    bench.do(bench.ladder.dtmf("1", bench.now))
    bench.say("ended", "remote_hangup")
    assert bench.done() == ["answered"]
    assert ("end", "son", "accepted") in bench.reports()


def test_accepted_on_the_lamp_comes_from_the_desk_alone() -> None:
    """Not from a route, a talk, or a key pressed at the other end."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([DESK, SON])
    bench.say("active")
    bench.do(bench.ladder.dtmf("1", bench.now))
    bench.wait(20_000)
    bench.say("ended", "remote_hangup")
    assert bench.ladder.view(bench.now)["desk"] is None
    bench.desk("accepted")
    assert bench.ladder.view(bench.now)["desk"] == "accepted"


def test_busy_goes_on_at_once() -> None:
    """Nobody there will answer in the next three seconds either."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([DESK, SON, DESK])
    bench.say("ended", "busy")
    assert bench.dialled() == [DESK[1], SON[1]]


def test_nobody_rings_longer_than_the_plan_says() -> None:
    """25 to 30 seconds, as the plan has it; then the next."""
    bench = Bench()
    bench.fire()
    bench.say("dialling")
    bench.say("ringing")
    bench.wait(DESK[2] * 1_000 - 100)
    assert bench.of("hangup") == []
    bench.wait(400)
    assert len(bench.dialled()) == 2


def test_an_sos_repeated_in_a_pause_dials_and_never_hangs_up_the_centre() -> None:
    """The hand that shakes presses again and again."""
    bench = Bench()
    bench.fire()
    for what in ("dialling", "ringing", "active"):
        bench.say(what)
        for _ in range(5):
            bench.fire(ref="0123abcd.1.2")
    assert bench.of("hangup") == []
    assert len(bench.dialled()) == 1


def test_whoever_rings_in_an_sos_and_is_not_on_the_ladder_leaves_the_line() -> None:
    """An allowed neighbour too: the line belongs to the ladder."""
    bench = Bench({"sos": [DESK, SON]})
    bench.fire(data=True)
    bench.do(bench.ladder.incoming(DAUGHTER[1], bench.now))
    assert bench.of("hangup") == [("hangup",)]
    assert bench.of("answer") == []


def test_no_configuration_makes_a_ladder_endless_or_a_key_dead() -> None:
    """Every bound of code holds against what is configured."""
    wild = {"cycles": 10**9, "talk_min": 10**9, "publish_wait": 10**9, "listen": 10**9, "slow_retry": 10**9}
    bench = Bench(times=wild)
    bench.fire()
    bench.fails(60)
    assert len(bench.of("exhausted")) == 1
    bench.wait(limits.TABLE["slow_retry"][2])
    bench.talk(limits.TABLE["talk_min"][2])
    assert bench.done() in ([], ["answered"])


def test_a_press_in_the_last_seconds_of_a_talk_is_one_after_it() -> None:
    """The modem tells the end late: whoever presses when the line has gone dead is not taken for talking still."""
    for key in ("sos", "k1"):
        bench = Bench()
        bench.fire(key, "0123abcd.1.1")
        bench.say("active")
        bench.wait(15_000)
        bench.fire(key, "0123abcd.1.2")
        bench.wait(limits.LAST_WORD_MS)
        first = bench.dialled()
        bench.say("ended", "remote_hangup")
        assert bench.done() == ["answered"]
        assert bench.dialled() == first + first[:1]
        assert bench.ladder.refs == ["0123abcd.1.2"]


def test_another_key_in_the_last_seconds_of_a_talk_is_served_after_it() -> None:
    """In the middle of a talk it is a busy tone only."""
    for early, dials in ((limits.LAST_WORD_MS, [SON[1], DESK[1]]), (limits.LAST_WORD_MS + 100, [SON[1]])):
        bench = Bench({"sos": [DESK], "k1": [SON], "k2": [DESK]})
        bench.fire("k1", "0123abcd.1.1")
        bench.say("active")
        bench.wait(15_000)
        bench.fire("k2", "0123abcd.1.2")
        bench.wait(early)
        bench.say("ended", "remote_hangup")
        bench.wait(1_000)
        assert bench.dialled() == dials


def test_a_press_after_a_reset_is_not_answered_by_the_talk_before_it() -> None:
    """The talk that ended the alarm is over with the reset; who presses then wants somebody now."""
    before = Bench()
    before.fire()
    before.say("active")
    before.wait(15_000)
    after = Bench()
    after.do(after.ladder.restore(before.ladder.dump(), after.now))
    after.attempt = 1
    after.fire("sos", "0123abcd.2.1")
    after.wait(3_100)
    assert after.dialled() == [DESK[1]]
    assert after.ladder.refs == ["0123abcd.2.1"]


def test_the_desks_acceptance_stands_for_a_press_that_came_before_it_was_heard() -> None:
    """In the call data is suspended; the press belongs to the case that a person at the desk has taken."""
    bench = Bench()
    bench.fire(data=True)
    bench.wait(3_000)
    bench.say("ended", "busy")
    bench.due()
    bench.say("active")
    bench.wait(5_000)
    bench.fire("sos", "0123abcd.1.2", data=True)
    bench.desk("accepted")
    bench.say("ended", "local_hangup")
    assert bench.done() == ["accepted"]


def test_a_talk_that_was_none_counts_for_nothing() -> None:
    """A late report about the call before: the modem shows it ringing again."""
    bench = Bench()
    bench.fire()
    bench.say("active")
    bench.say("ringing")
    bench.wait(11_000)
    bench.say("active")
    bench.wait(5_000)
    bench.say("ended", "remote_hangup")
    assert bench.done() == []
    assert ("end", "desk", "remote_hangup") in bench.reports()
