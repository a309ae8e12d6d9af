"""The line: keys pressed again, pre-empting, other calls, a modem without registration."""

from tests.firmware.core.bench import DAUGHTER, DESK, REF, SON, Bench


def test_sos_again_is_a_tone_while_dialling_ringing_or_talking_to_the_desk() -> None:
    """The centre is never hung up by the hand that called it."""
    bench = Bench()
    bench.fire()
    for what in ("dialling", "ringing", "active"):
        bench.say(what)
        actions = bench.fire(ref="0123abcd.1.2")
        assert actions == [("tone", "sos"), ("save",)]
    assert bench.of("hangup") == []


def test_sos_again_leaves_a_talk_with_voicemail_for_the_next_rung() -> None:
    """An unstaffed target may be a machine; the user knows."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "busy")
    bench.say("active")
    bench.fire(ref="0123abcd.1.2")
    bench.wait(200)
    bench.due()
    assert bench.dialled() == [DESK[1], SON[1], DESK[1]]
    assert ("end", "son", "local_hangup") in bench.reports()
    bench.desk("accepted", ref="0123abcd.1.2")
    bench.say("ended", "busy")
    assert bench.done() == ["accepted"]


def test_cancel_hangs_up_at_once_and_ends() -> None:
    """The hang-up comes first; the attempt is reported when it is gone."""
    bench = Bench()
    bench.fire()
    bench.say("active")
    actions = bench.do(bench.ladder.cancel(bench.now))
    assert actions[0] == ("hangup",)
    assert bench.done() == ["cancelled"]
    bench.wait(200)
    assert bench.reports()[-2:] == [("ladder_cancelled", None, None), ("end", "desk", "local_hangup")]
    bench.wait(60_000)
    assert bench.dialled() == [DESK[1]]
    assert bench.ladder.ref is None


def test_sos_preempts_a_family_call_within_three_seconds() -> None:
    """Also when the modem does not confirm the hang-up."""
    for deaf in (False, True):
        bench = Bench()
        bench.deaf_to_hangup = deaf
        bench.fire("k1")
        bench.say("active")
        bench.fire("sos", "0123abcd.1.2", data=True)
        assert bench.dialled() == [SON[1]]
        bench.wait(3_000 if deaf else 100)
        assert bench.dialled() == [SON[1], DESK[1]]
        assert bench.done() == ["preempted"]
        assert ("end", "son", "preempted") in bench.reports()


def test_no_family_key_disturbs_an_sos_or_a_talk() -> None:
    """It hears that the line is busy."""
    bench = Bench()
    bench.fire()
    assert bench.fire("k1", "0123abcd.1.2") == [("tone", "busy")]
    bench = Bench()
    bench.fire("k1")
    bench.say("active")
    assert bench.fire("k2", "0123abcd.1.2") == [("tone", "busy")]
    bench = Bench()
    bench.fire("k1")
    bench.fire("k2", "0123abcd.1.2")
    bench.wait(200)
    assert bench.dialled() == [SON[1], DESK[1]]


def test_another_call_on_the_line_is_hung_up_for_an_sos() -> None:
    """A running call that is not of the ladder must not keep the desk away."""
    bench = Bench()
    bench.fire(busy=True)
    assert bench.dialled() == []
    bench.wait(100)
    assert bench.dialled() == [DESK[1]]


def test_a_target_of_the_ladder_that_rings_is_answered_anybody_else_leaves_the_line() -> None:
    """The desk that calls back is what the ladder is for."""
    bench = Bench()
    bench.do(bench.ladder.incoming("+861055500001", bench.now))
    assert bench.of("answer") == []
    bench.fire(data=True)
    assert len(bench.of("answer")) == 1
    bench.say("active")
    bench.wait(11_000)
    bench.say("ended", "remote_hangup")
    assert bench.done() == ["answered"]
    assert bench.dialled() == []
    bench = Bench()
    bench.fire(data=True)
    bench.do(bench.ladder.incoming("", bench.now))
    assert len(bench.of("hangup")) == 1
    assert ("call_refused", None, None) in bench.reports()
    bench.wait(3_100)
    assert bench.dialled() == [DESK[1]]


def test_a_family_key_never_cuts_a_call_that_stands() -> None:
    """The desk that rang back is not hung up for a wish to talk."""
    bench = Bench()
    assert bench.fire("k1", busy=True) == [("tone", "busy")]
    assert not bench.ladder.running


def test_an_sos_in_a_talk_with_the_desk_that_rang_back_takes_that_talk_over() -> None:
    """Hanging up to dial the same desk would be the worst that could be done; anybody else is hung up."""
    bench = Bench()
    bench.do(bench.ladder.incoming("+861055500001", bench.now))
    bench.fire(busy=True)
    assert bench.of("hangup") == []
    assert len(bench.of("answer")) == 1
    bench.say("active")
    bench.wait(11_000)
    bench.say("ended", "remote_hangup")
    assert bench.done() == ["answered"]
    bench = Bench()
    bench.do(bench.ladder.incoming("13800000009", bench.now))
    bench.fire(busy=True)
    assert bench.of("hangup") == [("hangup",)]
    assert bench.of("answer") == []
    bench.wait(100)
    assert bench.dialled() == [DESK[1]]


def test_who_rings_while_a_dial_is_under_way_is_decided_when_it_is_over() -> None:
    """The desk rings back in the same second: the modem refuses our dial, and the caller is answered."""
    bench = Bench()
    bench.fire()
    bench.do(bench.ladder.incoming(SON[1], bench.now))
    bench.say("ended", "no_carrier")
    assert len(bench.of("answer")) == 1
    assert len(bench.dialled()) == 1
    bench.say("ended", "remote_hangup")
    bench.wait(2_100)
    assert bench.dialled() == [DESK[1], DESK[1]]  # the desk's turn was not used up by a dial that never left
    bench = Bench()
    bench.fire()
    bench.do(bench.ladder.incoming("13800000009", bench.now))
    bench.do(bench.ladder.incoming_gone(bench.now))
    bench.say("ended", "busy")
    assert bench.dialled() == [DESK[1], SON[1]]
    assert bench.of("hangup") == []


def test_without_registration_it_says_so_waits_and_restarts_the_modem_once() -> None:
    """And dials in the moment in which registration is back."""
    bench = Bench(voice=False)
    actions = bench.fire()
    assert ("tone", "no_network") in actions
    assert bench.ladder.view(bench.now)["phase"] == "no_voice"
    bench.wait(100_000)
    assert len(bench.of("restart_modem")) == 1
    assert bench.dialled() == []
    bench.do(bench.ladder.voice(True, bench.now))
    assert bench.dialled() == [DESK[1]]


def test_without_registration_it_tries_now_and_then_all_the_same() -> None:
    """What the driver believes may be wrong."""
    bench = Bench(voice=False)
    bench.fire()
    bench.wait(120_000)
    assert len(bench.dialled()) == 1
    for _ in range(5):
        bench.say("ended", "no_registration")
        bench.wait(61_000)
    assert len(bench.dialled()) == 6
    assert len(bench.of("restart_modem")) == 1


def test_a_dead_modem_does_not_eat_the_ladder_in_a_second() -> None:
    """Attempts that fail at once keep a distance."""
    bench = Bench()
    bench.fire()
    for _ in range(100):
        bench.say("ended", "modem_error")
        bench.wait(100)
    assert len(bench.dialled()) <= 6


def test_late_reports_of_an_earlier_attempt_change_nothing() -> None:
    """A NO CARRIER that was under way is not the next call's."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "busy")
    assert bench.do(bench.ladder.call(1, "ended", bench.now, "no_carrier")) == []
    assert bench.do(bench.ladder.call(1, "active", bench.now)) == []
    assert bench.ladder.in_call


def test_between_two_calls_the_desk_gets_a_moment_to_say_that_it_has_accepted() -> None:
    """No data passes in a call: without the pause an unbroken ladder would never hear the desk."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([DESK, SON, DESK])
    bench.talk(4_000)
    assert len(bench.dialled()) == 1
    bench.wait(2_900)
    bench.do(bench.ladder.desk(REF, "accepted", bench.now))
    assert len(bench.dialled()) == 1
    assert ("done", "accepted") in bench.log


def test_the_pause_ends_with_what_the_cloud_had_to_say_and_at_its_bound() -> None:
    """The receipt of the call's end comes after everything that was said before it: no reason to wait longer."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([DESK, SON, DAUGHTER])
    bench.talk(4_000)
    bench.wait(500)
    bench.do(bench.ladder.heard(bench.now))
    assert len(bench.dialled()) == 2
    bench.say("ended", "no_answer")
    bench.wait(3_000)
    assert len(bench.dialled()) == 3


def test_there_is_no_pause_without_data_nor_after_a_busy_tone() -> None:
    """Nobody can say anything, or nothing was missed: the next target at once."""
    bench = Bench()
    bench.fire(data=False)
    bench.say("ended", "no_answer")
    assert len(bench.dialled()) == 2
    bench = Bench()
    bench.fire(data=True)
    bench.route([DESK, SON, DAUGHTER])
    bench.say("ended", "busy")
    assert len(bench.dialled()) == 2
    bench.say("ended", "no_answer")
    bench.do(bench.ladder.data(False, bench.now))
    assert len(bench.dialled()) == 3
