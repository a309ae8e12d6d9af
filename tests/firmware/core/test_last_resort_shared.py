"""Without SIM or registration: said aloud, and 112 only where the district wants that."""

from tests.firmware.core.bench import DESK, SON, Bench

EM = "112"


def deaf(em112: bool, sim: bool, key: str = "sos") -> Bench:
    """A terminal without registration whose key fired."""
    bench = Bench(voice=False)
    bench.ladder.last_resorts([], em112)
    bench.ladder.card(sim)
    bench.fire(key)
    return bench


def test_112_is_never_dialled_unless_the_district_wants_it() -> None:
    """Shipped: no. Where it is wanted, still not while there is registration, and not for a wish to talk."""
    for sim in (True, False):
        bench = deaf(False, sim)
        bench.wait(600_000)
        assert EM not in bench.dialled()
    bench = deaf(True, False, "k1")
    bench.wait(600_000)
    assert EM not in bench.dialled()
    bench = Bench()
    bench.ladder.last_resorts([], True)
    bench.fire()
    bench.wait(600_000)
    assert EM not in bench.dialled()


def test_without_sim_the_siren_sounds_and_112_is_dialled_at_once() -> None:
    """Somebody near must hear it; 112 needs no SIM."""
    bench = deaf(True, False)
    assert ("tone", "siren") in bench.log
    assert bench.dialled() == [EM]
    (report,) = [action[2] for action in bench.of("report")]
    assert isinstance(report, dict)
    assert report["to"] == EM
    assert "rung" not in report
    bench.say("ended", "no_carrier")
    assert bench.ladder.view(bench.now)["phase"] == "no_sim"
    bench = deaf(False, False)
    assert ("tone", "siren") in bench.log
    assert bench.ladder.view(bench.now)["phase"] == "no_sim"


def test_with_a_sim_112_waits_until_the_search_for_a_cell_has_failed() -> None:
    """And takes turns with the plan's own targets."""
    bench = deaf(True, True)
    assert ("tone", "no_network") in bench.log
    bench.wait(19_000)
    assert bench.dialled() == []
    bench.wait(2_000)
    assert bench.dialled() == [EM]
    for _ in range(12):
        bench.say("ended", "no_registration")
        bench.wait(40_000)
    others = [one for one in bench.dialled() if one != EM]
    assert others[:3] == [DESK[1], SON[1], DESK[1]]
    assert 6 <= len(bench.dialled()) - len(others) <= 9


def test_a_talk_with_112_does_not_end_the_ladder() -> None:
    """In many places a tape answers."""
    bench = deaf(True, False)
    bench.talk(60_000)
    assert bench.done() == []
    bench.do(bench.ladder.voice(True, bench.now))
    bench.wait(3_000)
    assert bench.dialled() == [EM, DESK[1]]


def test_a_reset_in_a_call_to_112_goes_on() -> None:
    """It is in no plan, and its report has no rung."""
    bench = deaf(True, False)
    after = Bench(voice=False)
    after.do(after.ladder.restore(bench.ladder.dump(), after.now))
    after.attempt = 1
    after.wait(200)
    assert after.reports() == [("fail", EM, "terminal_reset")]


def test_without_registration_the_modem_is_restarted_once_in_a_ladder() -> None:
    """Never in a loop: each start throws the search away. 112 changes nothing about it."""
    for em112 in (False, True):
        bench = deaf(em112, True)
        for _ in range(40):
            bench.wait(20_000)
            bench.say("ended", "no_registration")
        assert len(bench.of("restart_modem")) == 1
