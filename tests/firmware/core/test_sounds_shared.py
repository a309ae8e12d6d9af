"""What is spoken, and that it is never out of place."""

from firmware.core import indicator, words
from firmware.core.speech import AGAIN_MS, Speech
from tests.firmware.core.bench import DESK, SON, Bench


def heard(bench: Bench, speech: Speech, ms: int) -> list[str]:
    """What is said in so many ms; a prompt lasts two seconds."""
    out = []
    until, busy_until = bench.now + ms, 0
    while bench.now < until:
        code = speech.tick(
            bench.now, bench.ladder.spoken(bench.now), not bench.ladder.in_call and bench.now >= busy_until
        )
        if code is not None:
            out.append(code)
            busy_until = bench.now + 2_000
            assert code in words.PROMPTS
        bench.wait(100)
    return out


def test_an_sos_is_announced_while_the_cloud_is_asked_for_a_route() -> None:
    """Then the desk; and nothing once the dial has gone out."""
    bench, speech = Bench(), Speech()
    bench.fire(data=True)
    assert heard(bench, speech, 15_000) == ["started", "calling_desk"]
    bench = Bench()
    bench.fire("k1", data=True)
    assert heard(bench, Speech(), 2_900) == ["calling_family"]


def test_nothing_is_said_while_a_call_is_up_or_being_set_up() -> None:
    """From the dial to the end of the talk."""
    bench, speech = Bench(), Speech()
    bench.fire()
    for step in ("dialling", "ringing", "active"):
        bench.say(step)
        assert heard(bench, speech, 5_000) == []


def test_it_says_that_nobody_answers_and_goes_on_saying_it() -> None:
    """In the long pauses too."""
    bench, speech = Bench(), Speech()
    bench.fire()
    bench.exhaust()
    said = heard(bench, speech, 50_000)
    assert said == ["unanswered"] * (50_000 // AGAIN_MS + 1)


def test_without_signal_or_sim_it_says_which() -> None:
    """Again and again: the elder may have left the room."""
    for sim, code in ((True, "no_voice"), (False, "no_sim")):
        bench = Bench(voice=False)
        bench.ladder.card(sim)
        bench.fire()
        assert heard(bench, Speech(), 40_000) == [code] * 3


def test_the_desks_word_and_a_cancel_are_said_once() -> None:
    """And a new alarm begins anew."""
    bench, speech = Bench(), Speech()
    bench.fire()
    bench.say("ended", "busy")
    bench.say("ended", "no_answer")
    bench.desk("accepted")
    bench.say("ended", "no_answer")
    assert bench.done() == ["accepted"]
    speech.done("accepted")
    assert heard(bench, speech, 60_000) == ["accepted"]
    bench.desk("on_the_way")
    assert heard(bench, speech, 60_000) == ["on_the_way"]
    bench.fire(ref="0123abcd.1.2", data=True)
    assert heard(bench, speech, 500) == ["started"]
    bench.do(bench.ladder.cancel(bench.now))
    speech.done("cancelled")
    assert heard(bench, speech, 60_000) == ["cancelled"]


def test_the_next_target_is_the_one_that_is_named() -> None:
    """Desk or family by what the plan says of the rung."""
    bench = Bench()
    bench.fire(data=True)
    bench.route([SON, DESK])
    bench = Bench({"sos": [SON, DESK]})
    bench.fire(data=True)
    assert bench.ladder.spoken(bench.now)["staffed"] == 0


def test_every_prompt_is_short_enough_to_be_over_before_the_next_tone_would_be_missed() -> None:
    """Chinese is spoken at about four characters a second."""
    assert [text for text in words.PROMPTS.values() if not 4 <= len(text) <= 16] == []


def test_each_phase_of_a_call_for_help_has_a_tone_of_its_own() -> None:
    """An elder who cannot see the lamp knows how far it got."""
    tones = [indicator.BEEPS[indicator.REPEATED[phase]] for phase in sorted(indicator.REPEATED)]
    assert len(tones) == len([tone for at, tone in enumerate(tones) if tone not in tones[:at]]) == 5
