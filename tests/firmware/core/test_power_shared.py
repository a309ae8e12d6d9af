"""Mains, battery and heat: nothing is believed that does not last, everything told comes back, calls are never shed."""

from firmware.core.power import CRITICAL, LOW, NORMAL, Power, beat_due_s

DAY = 1_775_318_400 + 12 * 3_600  # noon in Shanghai
NIGHT = DAY + 10 * 3_600


class Rig:
    """A second at a time."""

    def __init__(self, was_open: "tuple[str, ...]" = ()) -> None:
        self.power = Power(was_open)
        self.now = 5_000
        self.mains: "int | None" = 1
        self.mv: "int | None" = 4_000
        self.temp: "int | None" = 25
        self.in_call = False

    def run(self, seconds: int) -> "list[tuple[str, str, int]]":
        """What is told in so many seconds."""
        out = []
        for _ in range(seconds):
            self.now += 1_000
            out += self.power.tick(self.now, self.mains, self.mv, self.temp, in_call=self.in_call)
        return out


def names(found: "list[tuple[str, str, int]]") -> "list[str]":
    """Of what was told."""
    return [what + " " + name for what, name, _ in found]


def test_mains_are_lost_after_three_seconds_and_not_after_two() -> None:
    """The report names the moment at which they went."""
    rig = Rig()
    assert rig.run(5) == []
    rig.mains = 0
    assert rig.run(2) == []
    rig.mains = 1
    assert rig.run(5) == []
    rig.mains = 0
    gone = rig.now + 1_000
    assert rig.run(10) == [("fault", "mains_lost", gone)]
    rig.mains = None
    assert rig.run(10) == [], "a board that cannot tell tells nothing"
    rig.mains = 1
    assert names(rig.run(10)) == ["restore mains_lost"]


def test_a_battery_that_empties_is_told_in_two_steps_and_comes_back_in_two() -> None:
    """Between two limits nothing changes."""
    rig = Rig()
    rig.mains = 0
    rig.run(5)
    rig.mv = 3_600
    assert names(rig.run(70)) == ["fault battery_low"]
    assert rig.power.level is LOW
    for mv in (3_601, 3_699, 3_590):
        rig.mv = mv
        assert rig.run(70) == []
    rig.mv = 3_450
    assert names(rig.run(30)) == ["fault battery_critical"]
    assert rig.power.level is CRITICAL
    rig.mv = 3_560
    assert names(rig.run(70)) == ["restore battery_critical"]
    rig.mv = 3_710
    assert names(rig.run(70)) == ["restore battery_low"]
    assert rig.power.level is NORMAL


def test_a_sag_is_not_an_empty_battery() -> None:
    """The modem draws two ampere in bursts, and a whole call long."""
    rig = Rig()
    rig.mains = 0
    rig.run(5)
    for _ in range(20):
        rig.mv = 3_300
        assert rig.run(15) == []
        rig.mv = 3_900
        assert rig.run(1) == []
    rig.mv, rig.in_call = 3_300, True
    assert rig.run(600) == []


def test_on_mains_nothing_is_shed() -> None:
    """However empty the cell: it is being charged."""
    rig = Rig()
    rig.mv = 3_400
    assert names(rig.run(100)) == ["fault battery_critical", "fault battery_low"]
    assert rig.power.level is NORMAL
    rig.mains = 0
    rig.run(10)
    assert rig.power.level is CRITICAL
    rig.mains = None
    assert rig.power.level is CRITICAL


def test_a_missing_cell_is_not_an_empty_one() -> None:
    """On battery such a reading is nonsense: something feeds us."""
    rig = Rig()
    rig.mv = 300
    assert names(rig.run(100)) == ["fault battery_absent"]
    assert rig.power.failing
    rig.mv = 4_000
    assert names(rig.run(100)) == ["restore battery_absent"]
    rig.mains, rig.mv = 0, 300
    assert names(rig.run(100)) == ["fault mains_lost"]


def test_heat_is_told_and_its_end() -> None:
    """With a gap between the two limits."""
    rig = Rig()
    rig.temp = 60
    assert names(rig.run(70)) == ["fault temperature_high"]
    rig.temp = 58
    assert rig.run(70) == []
    rig.temp = 55
    assert names(rig.run(70)) == ["restore temperature_high"]


def test_faults_of_before_a_restart_get_their_restores() -> None:
    """And are not told again."""
    rig = Rig(("mains_lost", "battery_low", "battery_critical", "battery_absent", "temperature_high", "key_stuck k1"))
    told = names(rig.run(100))
    assert sorted(told) == sorted(
        ["restore " + one for one in ("mains_lost", "battery_low", "battery_critical", "battery_absent")]
        + ["restore temperature_high"]
    )
    rig = Rig(("mains_lost", "battery_critical"))
    rig.mains, rig.mv = 0, 3_400
    assert names(rig.run(100)) == ["fault battery_low"]


def test_heartbeats_by_level() -> None:
    """Never faster than configured; a terminal on its last charge sends none."""
    assert [beat_due_s(level, 600) for level in (NORMAL, LOW, CRITICAL)] == [600, 1_500, None]
    assert beat_due_s(LOW, 3_600) == 3_600


def test_the_reminder_is_rare_and_never_at_night_or_in_a_call() -> None:
    """Who hears it too often pulls the plug."""
    rig = Rig()
    assert not rig.power.beep_due(rig.now, DAY, busy=False)
    rig.mains, rig.mv = 0, 3_500
    rig.run(100)
    assert not rig.power.beep_due(rig.now, NIGHT, busy=False)
    assert not rig.power.beep_due(rig.now, DAY, busy=True)
    beeps = 0
    for _ in range(24 * 60):
        rig.now += 60_000
        beeps += 1 if rig.power.beep_due(rig.now, DAY, busy=False) else 0
    assert beeps == 12
