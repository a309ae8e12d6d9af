"""Short messages beside and between the calls: when they begin, and that they hold nothing up."""

from firmware.core import limits
from firmware.core.lines import pack, unpack
from tests.firmware.core.bench import DESK, SON, Bench

HER = "13800000002"
SMS = [SON[1], HER]


def a_cycle(bench: Bench, cause: str = "no_answer") -> None:
    """Desk, son, desk: nobody answers."""
    for _ in range(3):
        bench.due()
        bench.say("ringing")
        bench.say("ended", cause)


def test_nobody_in_the_first_cycle_texts_everybody_in_a_pause_of_its_own() -> None:
    """On one channel: no message before, none while a call is up, and the second cycle follows at once."""
    bench = Bench(sms=SMS)
    bench.fire()
    a_cycle(bench)
    assert len(bench.dialled()) == 3
    bench.wait(2_500)
    assert bench.texts() == SMS
    assert len(bench.dialled()) == 4
    assert ("sms_sent", None, None) in bench.reports()
    events = [action[2] for action in bench.of("report") if action[1] == "event"]
    assert events[0] == {"ev": "sms_sent", "txt": "son", "val": 1, "ref": "0123abcd.1.1"}
    a_cycle(bench)
    bench.wait(5_000)
    assert bench.texts() == SMS


def test_the_pause_for_messages_has_a_bound() -> None:
    """A network that does not answer costs twenty seconds, not a minute."""
    bench = Bench(sms=SMS)
    bench.answers_texts = False
    bench.fire()
    a_cycle(bench)
    bench.wait(limits.TEXT_ROOM_MS - 100)
    assert len(bench.dialled()) == 3
    bench.wait(200)
    assert len(bench.dialled()) == 4
    assert bench.texts() == [SON[1]]


def test_a_press_in_the_pause_for_messages_dials_at_once() -> None:
    """So does a call that the modem could not even begin: it waits for no message."""
    bench = Bench(sms=SMS)
    bench.answers_texts = False
    bench.fire()
    a_cycle(bench)
    bench.wait(1_000)
    bench.fire(ref="0123abcd.1.2")
    assert len(bench.dialled()) == 4


def test_a_failed_message_is_tried_again_in_the_next_pause() -> None:
    """Three times at most; then it is told as failed."""
    bench = Bench(sms=[HER])
    bench.answers_texts = False
    bench.fire()
    for _ in range(3):
        a_cycle(bench)
        bench.wait(200)
        if bench._text is not None:
            bench.texted(False)
        bench.wait(31_000)
    assert len(bench.texts()) >= 2
    assert ("sms_sent", None, None) not in bench.reports()


def test_with_a_channel_of_its_own_a_message_goes_beside_a_call() -> None:
    """Never in the pause, where it would send away who rings back, nor while a call is being set up."""
    bench = Bench(sms=SMS)
    bench.ladder.beside = True
    bench.fire()
    a_cycle(bench)
    assert len(bench.dialled()) == 4  # no pause
    bench.wait(5_000)
    assert bench.texts() == []
    bench.say("dialling")
    bench.say("ringing")
    bench.wait(3_000)
    assert bench.texts() == SMS


def test_data_down_at_the_press_and_a_first_call_that_fails_begin_the_messages() -> None:
    """The cloud knows nothing of this press: its people are all there is. With data up the first cycle comes first."""
    for data, texted in ((False, SMS), (True, [])):
        bench = Bench(sms=SMS)
        bench.ladder.beside = True
        bench.fire(data=data)
        bench.wait(3_000)
        bench.say("ringing")
        bench.say("ended", "no_answer")
        bench.wait(3_000)
        bench.say("ringing")
        bench.wait(3_000)
        assert bench.texts() == texted


def test_a_network_that_takes_no_calls_may_still_take_messages() -> None:
    """Two calls in a row that fail in the network: after a while the messages go between them."""
    bench = Bench(sms=SMS)
    bench.ladder.beside = True
    bench.fire(data=True)
    bench.wait(3_000)
    for _ in range(12):
        bench.say("ended", "no_carrier")
        bench.wait(2_900)
    assert bench.texts() == SMS


def test_no_message_leaves_without_registration_but_the_last() -> None:
    """What the driver believes about registration may be wrong, and nothing else is left."""
    bench = Bench(sms=SMS, voice=False)
    bench.fire()
    while not bench.of("exhausted"):
        assert bench.texts() == []
        bench.wait(1_000)
        bench.say("ended", "no_registration")
    bench.wait(30_000)
    assert bench.texts() == SMS


def test_an_exhausted_sos_texts_once_more_and_never_again() -> None:
    """Two messages for one alarm, however long it goes on."""
    bench = Bench(sms=[HER])
    bench.fire()
    for _ in range(60):
        bench.say("ended", "no_answer")
        bench.wait(61_000)
    assert len(bench.of("exhausted")) == 1
    assert bench.texts() == [HER, HER]
    assert [action[3]["wave"] for action in bench.of("text")] == [1, 2]  # type: ignore[index]


def test_a_family_key_texts_once_when_it_reached_nobody() -> None:
    """Also where its only cycle is its last."""
    bench = Bench(sms=[HER], times={"cycles": 1})
    bench.fire("k1")
    bench.exhaust("no_answer")
    assert bench.done() == ["exhausted"]
    bench.wait(60_000)
    assert bench.texts() == [HER]
    assert ("sms_sent", None, None) in bench.reports()


def test_nobody_is_texted_once_help_has_come_or_was_called_off() -> None:
    """Cancel, an acceptance, a talk with the desk."""
    for end in ("cancel", "desk", "talk"):
        bench = Bench(sms=SMS)
        bench.answers_texts = False
        bench.fire()
        a_cycle(bench)
        bench.wait(200)
        assert bench.texts() == [SON[1]]
        if end == "cancel":
            bench.do(bench.ladder.cancel(bench.now))
        elif end == "desk":
            bench.desk("accepted")
        else:
            bench.fire(ref="0123abcd.1.2")
            bench.say("ended", "busy")
            bench.talk(11_000)
            assert bench.done() == ["answered"]
        bench.wait(200_000)
        assert bench.texts() == [SON[1]], end


def test_a_reset_does_not_text_again() -> None:
    """Whatever was sent or under way stays so; who is left gets the message in the next pause."""
    before = Bench(sms=SMS)
    before.answers_texts = False
    before.fire()
    a_cycle(before)
    before.wait(200)
    assert before.texts() == [SON[1]]
    after = Bench(sms=SMS)
    after.do(after.ladder.restore(unpack(pack(before.ladder.dump())), after.now))
    after.wait(200)
    for _ in range(40):
        after.say("ended", "no_answer")
        after.wait(4_000)
        if after.of("exhausted"):
            break
    assert [action[2] for action in after.of("text") if action[3]["wave"] == 1] == [HER]  # type: ignore[index]


def test_the_desk_is_not_dialled_twice_in_a_row_where_somebody_else_can_be() -> None:
    """Across every end of a cycle, also with a pause for messages there."""
    for sms in ([], SMS):
        bench = Bench(sms=sms)
        bench.fire()
        for _ in range(12):
            bench.say("ended", "no_answer")
            bench.wait(61_000)
        tried = bench.dialled()
        assert [one for one, two in zip(tried, tried[1:]) if one == two == DESK[1]] == []  # noqa: B905, RUF007


def test_what_becomes_of_a_message_of_the_alarm_before_is_not_taken_for_one_of_this() -> None:
    """A family key's message is under way for a minute; the SOS that came meanwhile sends its own."""
    bench = Bench(sms=[HER])
    bench.answers_texts = False
    bench.ladder.beside = True
    bench.fire("k1")
    bench.exhaust("no_answer")
    bench.wait(limits.TEXT_PATIENCE_MS)
    (old,) = bench.of("text")
    assert isinstance(old[1], int)
    bench.fire("sos", "0123abcd.1.2")
    for _ in range(3):
        bench.fails(1, "no_answer")
    bench.say("ringing")
    bench.wait(200)
    assert len(bench.of("text")) == 2
    bench.do(bench.ladder.texted(old[1], True, bench.now))
    assert ("sms_sent", None, None) not in bench.reports()
    bench.texted(True)
    assert ("sms_sent", None, None) in bench.reports()
