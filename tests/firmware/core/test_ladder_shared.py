"""The dial ladder, rule by rule."""

from firmware.core import limits
from protocol import messages
from tests.firmware.core.bench import DAUGHTER, DESK, PLANS, REF, SON, STATION, Bench


def test_with_data_down_the_dial_leaves_with_the_fire() -> None:
    """No wait for a route that cannot come: the dial is among the first actions."""
    bench = Bench()
    actions = bench.fire(data=False)
    assert ("dial", 1, DESK[1]) in actions
    assert actions[0] == ("tone", "sos")


def test_with_data_up_a_route_is_waited_for_three_seconds_and_no_longer() -> None:
    """Publish first, with a bound that runs from the fire decision."""
    bench = Bench()
    bench.fire(data=True)
    bench.wait(2_900)
    assert bench.dialled() == []
    bench.wait(100)
    assert bench.dialled() == [DESK[1]]


def test_a_route_ends_the_wait_and_is_dialled() -> None:
    """The cloud knows who serves this household now."""
    bench = Bench()
    bench.fire(data=True)
    bench.wait(700)
    bench.route([STATION, DESK])
    assert bench.dialled() == [STATION[1]]
    dial = bench.of("report")[0][2]
    assert isinstance(dial, dict)
    assert (dial["src"], dial["ver"], dial["case"]) == ("route", 1, "case-1")


def test_data_lost_in_the_wait_dials_at_once() -> None:
    """The route will not come any more."""
    bench = Bench()
    bench.fire(data=True)
    bench.wait(500)
    bench.do(bench.ladder.data(False, bench.now))
    assert bench.dialled() == [DESK[1]]


def test_a_route_without_the_desk_gets_it_back() -> None:
    """A route may reorder and add; the stored desk rung stays."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([DAUGHTER])
    bench.say("ended", "busy")
    assert bench.dialled() == [DAUGHTER[1], DESK[1]]


def test_an_invalid_route_means_the_stored_plan() -> None:
    """Also then the wait is over: the cloud has answered."""
    for plan in ([], [["x", "1;2", 20, 1]], None, [["x", "13800000001", 20]], "no plan"):
        bench = Bench()
        bench.fire(data=True)
        bench.route(plan)
        assert bench.dialled() == [DESK[1]]


def test_a_route_for_another_press_is_ignored_and_counted() -> None:
    """Only the own open press may be answered."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([STATION], ref="0123abcd.1.9")
    assert bench.dialled() == []
    assert bench.ladder.ignored == 1


def test_busy_leads_to_the_next_rung_at_once() -> None:
    """In the same step, without a pause."""
    bench = Bench()
    bench.fire()
    bench.say("dialling")
    bench.say("ended", "busy")
    assert bench.dialled() == [DESK[1], SON[1]]


def test_ok_without_an_active_call_leads_to_the_next_rung_after_its_ring_time() -> None:
    """An OK after ATD is no answer."""
    bench = Bench()
    bench.fire()
    bench.say("dialling")
    bench.wait(29_900)
    assert bench.dialled() == [DESK[1]]
    bench.wait(300)
    assert bench.dialled() == [DESK[1], SON[1]]
    assert ("fail", "desk", "no_answer") in bench.reports()
    assert "talk" not in [report[0] for report in bench.reports()]


def test_ring_time_counts_from_the_first_ring() -> None:
    """Setting a call up takes seconds that are not the target's."""
    bench = Bench()
    bench.fire()
    bench.say("dialling")
    bench.wait(8_000)
    bench.say("ringing")
    bench.wait(29_900)
    assert bench.dialled() == [DESK[1]]
    bench.say("ringing")
    bench.wait(300)
    assert bench.dialled() == [DESK[1], SON[1]]


def test_a_silent_modem_is_restarted_once_and_the_ladder_goes_on() -> None:
    """Neither OK nor ringing within the longest time of the manual."""
    bench = Bench()
    bench.fire()
    for _ in range(3):
        bench.wait(limits.SETUP_MS + limits.HANGUP_MS)
    assert len(bench.of("restart_modem")) == 1
    assert bench.dialled()[:3] == [DESK[1], SON[1], DESK[1]]
    assert ("fail", "desk", "timeout") in bench.reports()


def test_an_sos_ends_by_ten_seconds_with_the_desk() -> None:
    """A staffed rung that talks long enough; the call itself is not cut."""
    bench = Bench()
    bench.fire()
    bench.talk(60_000)
    assert bench.done() == ["answered"]
    assert bench.dialled() == [DESK[1]]
    assert bench.reports() == [
        ("dial", "desk", None), ("ring", "desk", None), ("talk", "desk", None), ("end", "desk", "remote_hangup"),
    ]  # fmt: skip


def test_a_short_talk_with_the_desk_does_not_end_an_sos() -> None:
    """Lifted and laid down again is not help."""
    bench = Bench()
    bench.fire()
    bench.talk(9_000)
    assert bench.dialled() == [DESK[1], SON[1]]
    assert bench.done() == []


def test_voicemail_of_the_family_does_not_end_an_sos() -> None:
    """It talks too, and for longer than ten seconds."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "busy")
    bench.talk(90_000)
    assert bench.dialled() == [DESK[1], SON[1], DESK[1]]
    assert bench.done() == []


def test_an_accept_by_key_ends_an_sos_with_whoever_pressed_it() -> None:
    """Voicemail presses no keys."""
    bench = Bench()
    bench.fire()
    bench.say("ended", "busy")
    bench.say("active")
    bench.wait(3_000)
    bench.do(bench.ladder.dtmf("5", bench.now))
    bench.do(bench.ladder.dtmf("1", bench.now))
    bench.say("ended", "remote_hangup")
    assert bench.done() == ["answered"]
    assert bench.reports()[-1] == ("end", "son", "accepted")


def test_the_desks_acceptance_between_rungs_stops_before_the_next_dial() -> None:
    """No further target is woken up."""
    bench = Bench()
    bench.fire()
    bench.say("dialling")
    bench.desk("accepted")
    assert bench.done() == []
    bench.say("ended", "no_answer")
    assert bench.dialled() == [DESK[1]]
    assert bench.done() == ["accepted"]
    assert bench.ladder.view(bench.now) == {"phase": "idle", "desk": "accepted"}
    bench.desk("on_the_way")
    assert bench.ladder.view(bench.now)["desk"] == "on_the_way"
    bench.desk("closed")
    assert bench.ladder.view(bench.now)["desk"] is None


def test_closed_alone_does_not_end_a_ladder_that_still_has_rungs() -> None:
    """Only an acceptance does; after the last cycle `closed` ends the endless tail."""
    bench = Bench()
    bench.fire()
    bench.desk("closed")
    bench.say("ended", "busy")
    assert bench.dialled() == [DESK[1], SON[1]]
    bench.exhaust()
    bench.desk("closed")
    assert bench.done() == ["closed"]


def test_an_sos_goes_on_for_ever_after_the_last_cycle() -> None:
    """Told as exhausted once, then one attempt a minute, later one in five: never given up silently."""
    bench = Bench()
    bench.fire()
    bench.exhaust("no_answer")
    done = len(bench.dialled())
    assert bench.of("exhausted") == [("exhausted", REF)]
    assert ("ladder_exhausted", None, None) in bench.reports()
    assert bench.ladder.view(bench.now)["phase"] == "nobody"
    bench.wait(59_800)
    assert len(bench.dialled()) == done
    bench.wait(200)
    assert len(bench.dialled()) == done + 1
    for _ in range(29):
        bench.say("ended", "busy")
        bench.wait(60_000)
    assert len(bench.dialled()) == done + 30
    bench.say("ended", "busy")
    bench.wait(299_000)
    assert len(bench.dialled()) == done + 30
    bench.wait(1_000)
    assert len(bench.dialled()) == done + 31
    assert len(bench.of("exhausted")) == 1
    assert bench.done() == []


def test_a_new_cycle_does_not_begin_with_the_number_that_was_just_tried() -> None:
    """The first cycle is the plan's own order; each later one tries every rung too, the other targets first."""
    bench = Bench()
    bench.fire()
    bench.fails(6)
    # Nobody else could stand between two of three: the last dial of a cycle is the desk's first of the next.
    assert bench.dialled() == [DESK[1], SON[1], DESK[1], SON[1], DESK[1], SON[1], DESK[1]]
    bench = Bench({"sos": [DESK, SON, DAUGHTER, DESK]})
    bench.fire()
    bench.fails(11, "no_answer", 6_000)
    tried = bench.dialled()
    assert len(tried) == 12
    assert [one for one, two in zip(tried, tried[1:]) if one == two] == []  # noqa: B905, RUF007, MicroPython
    for at in (0, 4, 8):
        assert sorted(str(one) for one in tried[at : at + 4]) == sorted([DESK[1], SON[1], DAUGHTER[1], DESK[1]])
    bench = Bench({"sos": [DESK]})
    bench.fire()
    bench.fails(1)
    assert bench.dialled() == [DESK[1], DESK[1]]


def test_sos_pressed_in_the_pause_dials_at_once() -> None:
    """Nobody who still presses has to wait for the minute."""
    bench = Bench()
    bench.fire()
    bench.exhaust()
    done = len(bench.dialled())
    bench.fire(ref="0123abcd.1.2")
    assert len(bench.dialled()) == done + 1


def test_a_family_key_ends_with_any_answered_call_or_when_exhausted() -> None:
    """It is a wish to talk, not an alarm; that nobody answered is said all the same."""
    bench = Bench()
    bench.fire("k1")
    bench.talk(12_000)
    assert bench.done() == ["answered"]
    bench = Bench()
    bench.fire("k1")
    bench.exhaust()
    assert bench.done() == ["exhausted"]
    assert bench.ladder.view(bench.now)["phase"] == "nobody"
    bench.desk("accepted")
    assert bench.ladder.view(bench.now)["desk"] == "accepted"


def test_a_key_without_a_plan_reaches_the_desk() -> None:
    """No press may end nowhere; a plan without a staffed rung gets the desk behind it."""
    bench = Bench()
    bench.fire("k7")
    assert bench.dialled() == [DESK[1]]
    bench = Bench({"sos": [DESK], "k2": [SON]})
    bench.fire("k2")
    bench.say("ended", "busy")
    assert bench.dialled() == [SON[1], DESK[1]]


def test_a_configuration_cannot_take_the_desk_away() -> None:
    """Refused as a whole; the plans before it stay in force."""
    bench = Bench()
    bads: tuple[object, ...] = ({}, {"k1": [SON]}, {"sos": [SON]}, {"sos": []}, {"sos": [DESK], "k1": "son"}, None)
    for plans in bads:
        assert not bench.ladder.set_plans(plans, 8)
    bench.fire()
    assert bench.dialled() == [DESK[1]]
    try:
        Bench({"sos": [SON]})
    except ValueError:
        return
    raise AssertionError("a ladder without a desk was built")


def test_every_report_is_a_valid_message() -> None:
    """The wire's own encoder takes each of them."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([list(SON), list(STATION)])
    bench.talk(12_000)
    bench.talk(3_000)
    for _ in range(40):
        bench.say("ended", "something new")
        bench.wait(2_100)
    bench.do(bench.ladder.cancel(bench.now))
    bench.wait(200)
    assert PLANS["sos"][0] == DESK
    for action in bench.of("report"):
        fields = action[2]
        assert isinstance(fields, dict)
        whole = dict(fields)
        whole.update({"id": REF, "t": None, "u": 5, "s": 6})
        messages.encode("up", str(action[1]), whole)
