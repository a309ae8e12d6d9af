"""A reset inside an emergency, and what is left when it is over."""

from firmware.core.lines import pack, unpack
from tests.firmware.core.bench import DESK, SON, STATION, Bench


def test_a_reset_inside_an_emergency_goes_on() -> None:
    """With the route, the cycle and the rung that it had reached."""
    before = Bench()
    before.fire(data=True)
    before.route([STATION, SON])
    before.say("ended", "busy")
    dump = unpack(pack(before.ladder.dump()))
    after = Bench()
    after.do(after.ladder.restore(dump, after.now))
    assert after.of("hangup") == [("hangup",)]
    after.attempt = 2
    after.wait(200)
    assert after.reports()[0] == ("fail", "son", "terminal_reset")
    assert after.dialled() == [DESK[1]]
    after.desk("accepted")
    after.say("ended", "busy")
    assert after.done() == ["accepted"]


def test_a_call_that_outlives_the_reset_is_not_cut() -> None:
    """The modem has its own supply; the ladder takes the talk over."""
    before = Bench()
    before.fire()
    before.say("active")
    after = Bench(voice=False)
    after.do(after.ladder.restore(before.ladder.dump(), after.now, True))
    after.attempt = 1
    assert after.of("hangup") == []
    after.say("active")
    after.wait(11_000)
    after.say("ended", "remote_hangup")
    assert after.done() == ["answered"]
    assert after.reports() == [("end", "desk", "remote_hangup")]


def test_a_call_that_the_reset_cut_is_dialled_again() -> None:
    """Somebody was there."""
    before = Bench()
    before.fire()
    before.say("ended", "busy")
    before.say("active")
    after = Bench()
    after.do(after.ladder.restore(before.ladder.dump(), after.now))
    after.attempt = 2
    after.wait(200)
    assert after.dialled() == [SON[1]]


def test_a_dump_that_does_not_fit_is_ignored() -> None:
    """Storage may hold anything."""
    good = Bench()
    good.fire()
    dump = good.ladder.dump()
    assert dump is not None
    for name in ("key", "refs", "stored", "tried"):
        for value in (None, 5, [], [5], "x"):
            if name == "tried" and value == []:
                continue
            bad = dict(dump)
            bad[name] = value
            bench = Bench()
            assert bench.ladder.restore(bad, bench.now) == []
            assert not bench.ladder.running
    assert Bench().ladder.restore(None, 0) == []


def test_nothing_is_left_to_resume_when_the_alarm_is_over() -> None:
    """But the desk's word on the lamp outlives a reset."""
    bench = Bench()
    assert bench.ladder.dump() is None
    bench.fire()
    assert bench.ladder.dump() is not None
    bench.talk(11_000)
    assert bench.ladder.dump() is None
    bench.desk("on_the_way")
    after = Bench()
    assert after.ladder.restore(bench.ladder.dump(), after.now) == []
    assert after.ladder.view(after.now) == {"phase": "idle", "desk": "on_the_way"}
    after.wait(200)
    assert after.dialled() == []


def test_the_desks_word_fades_when_it_is_never_closed() -> None:
    """A lamp that says `on the way` tomorrow lies."""
    bench = Bench()
    bench.fire()
    bench.desk("accepted")
    bench.say("ended", "busy")
    bench.now += 5 * 3_600_000
    bench.wait(100)
    assert bench.ladder.view(bench.now) == {"phase": "idle", "desk": None}
