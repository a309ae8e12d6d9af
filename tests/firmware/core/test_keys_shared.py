"""Contacts, edges and keys: from a level at a pin to a key that fires."""

from firmware.core.debounce import Debouncer
from firmware.core.keys import Keys

NAMES = ("sos", "k1", "cancel")


class Pad:
    """Three keys under a finger; `at` counts ms."""

    def __init__(self, times: dict[str, int] | None = None) -> None:
        self.debouncer = Debouncer(NAMES, 0)
        self.keys = Keys(times)
        self.at = 0
        self.out: list[tuple[object, ...]] = []
        self.hold(None, 300)

    def hold(self, key: str | None, ms: int) -> None:
        """One key held (or none) for so long, polled every 10 ms."""
        levels = [name == key for name in NAMES]
        for _ in range(ms // 10):
            self.at += 10
            self.out += self.keys.edges(self.debouncer.poll(levels, self.at), self.at)
            self.out += self.keys.tick(self.at)

    def press(self, key: str, ms: int, pause: int = 100) -> None:
        """A press and a pause."""
        self.hold(key, ms)
        self.hold(None, pause)

    def fired(self) -> list[tuple[object, ...]]:
        """(key, how) of what fired."""
        return [action[1:3] for action in self.out if action[0] == "fire"]


def test_feedback_comes_within_a_tenth_of_a_second_and_before_everything_else() -> None:
    """The elder must know that the key was felt."""
    pad = Pad()
    start = pad.at
    while not pad.out:
        pad.hold("cancel", 10)
    assert pad.at - start <= 100
    assert pad.out == [("feedback", "cancel"), ("fire", "cancel", "short", 0)]


def test_a_bounce_is_no_press() -> None:
    """Contacts open and close for some ms."""
    pad = Pad()
    for _ in range(20):
        pad.hold("sos", 20)
        pad.hold(None, 20)
    assert pad.out == []


def test_the_first_200_ms_after_boot_are_ignored() -> None:
    """Pins pulse while the chip boots; a key held through them counts."""
    debouncer = Debouncer(("sos",), 0)
    edges = [(now, debouncer.poll([True], now)) for now in range(10, 400, 10)]
    assert [now for now, found in edges if found] == [220]


def test_sos_fires_while_held_and_once() -> None:
    """At 700 ms, not at the release."""
    pad = Pad()
    pad.hold("sos", 700)
    assert pad.fired() == []
    pad.hold("sos", 50)
    assert pad.fired() == [("sos", "hold")]
    pad.press("sos", 5_000)
    assert len(pad.fired()) == 1


def test_a_short_sos_press_does_not_fire() -> None:
    """A sleeve."""
    pad = Pad()
    pad.press("sos", 600, 3_000)
    pad.press("sos", 100, 3_000)
    assert pad.fired() == []
    assert len(pad.out) == 2


def test_three_short_presses_in_two_seconds_fire_sos() -> None:
    """Panic tapping; it fires with the third touch, not with its release."""
    pad = Pad()
    pad.press("sos", 80)
    pad.press("sos", 80)
    pad.hold("sos", 40)
    assert pad.fired() == [("sos", "triple")]
    pad.hold("sos", 2_000)
    assert len(pad.fired()) == 1


def test_three_presses_in_more_than_two_seconds_do_not() -> None:
    """Three separate touches."""
    pad = Pad()
    for _ in range(5):
        pad.press("sos", 80, 1_000)
    assert pad.fired() == []


def test_other_keys_fire_on_release() -> None:
    """50 ms are enough; 40 ms are a knock."""
    pad = Pad()
    pad.press("k1", 40)
    assert pad.fired() == []
    pad.hold("k1", 200)
    assert pad.fired() == []
    pad.hold(None, 50)
    assert pad.fired() == [("k1", "short")]


def test_a_key_that_is_held_long_still_fires_once() -> None:
    """Elders hold. No length of press is too long to count."""
    pad = Pad()
    pad.press("k1", 8_000)
    assert pad.fired() == [("k1", "hold")]


def test_a_late_poll_loses_no_sos() -> None:
    """The loop was busy: the release is seen before the hold was."""
    keys = Keys()
    keys.edges([("press", "sos")], 1_000)
    assert keys.edges([("release", "sos")], 1_900) == [("fire", "sos", "hold", 900)]


def test_a_stuck_key_is_told_once_and_the_others_go_on() -> None:
    """And it works again after it was freed."""
    pad = Pad()
    pad.hold("k1", 90_000)
    assert [action for action in pad.out if action[0] == "stuck"] == [("stuck", "k1")]
    levels = [True, True, False]
    for _ in range(100):
        pad.at += 10
        pad.out += pad.keys.edges(pad.debouncer.poll(levels, pad.at), pad.at) + pad.keys.tick(pad.at)
    assert pad.fired() == [("k1", "hold"), ("sos", "hold")]
    pad.hold(None, 100)
    assert pad.out[-1] == ("free", "k1")
    pad.press("k1", 200)
    assert pad.fired()[-1] == ("k1", "short")


def test_no_configuration_makes_a_key_dead() -> None:
    """The hard bounds hold, whatever the table says."""
    pad = Pad({"sos_hold": 999_999, "key_hold": -5})
    pad.hold("sos", 1_040)
    assert pad.fired() == [("sos", "hold")]
    pad = Pad({"sos_hold": 0})
    pad.press("sos", 500, 3_000)
    assert pad.fired() == []
