"""Ids, lines of a file, callers, limits, lamp and tones."""

from firmware.core import indicator, limits
from firmware.core.callers import decide, same_number
from firmware.core.ids import open_ids
from firmware.core.indicator import Indicator, lamp
from firmware.core.lines import pack, unpack
from protocol import codes
from protocol.ids import BOOT_MAX, parse_id


def test_ids_are_never_given_twice() -> None:
    """A boot count further each time; a new epoch where storage holds nothing that can be."""
    first = open_ids(None, "0123abcd")
    assert first.changed
    assert [first.next(), first.next()] == ["0123abcd.0.0", "0123abcd.0.1"]
    second = open_ids(unpack(pack(first.stored())), "ffffffff")
    assert second.next() == "0123abcd.1.0"
    assert second.is_this_boot("0123abcd.1.5")
    assert not second.is_this_boot("0123abcd.10.5")
    bads: tuple[object, ...] = (
        {},
        {"e": "x", "b": 1},
        {"e": "0123abcd", "b": "1"},
        {"e": "0123abcd", "b": BOOT_MAX},
        [],
        5,
    )
    for bad in bads:
        source = open_ids(bad, "ffffffff")
        assert source.next() == "ffffffff.0.0"
        assert parse_id(source.next()) is not None


def test_a_damaged_line_is_found() -> None:
    """Every byte is guarded."""
    line = pack({"a": [1, "屏"], "b": None})
    assert unpack(line) == {"a": [1, "屏"], "b": None}
    for place in range(len(line) - 1):
        assert unpack(line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]) is None
        assert unpack(line[:place]) is None


def test_spellings_of_one_number_are_the_same_caller() -> None:
    """Country code and trunk zero come and go with the network."""
    assert same_number("+861055500001", "01055500001")
    assert same_number("008613800000001", "13800000001")
    assert not same_number("13800000002", "13800000001")
    assert not same_number("", "")


def test_a_stranger_does_not_ring_through() -> None:
    """An allowed caller does, and soon after an SOS is answered without a hand."""
    allowed = ["01055500001"]
    assert decide("13800000009", allowed, 3_600_000, 0) == "refuse"
    assert decide("", allowed, 3_600_000, 0) == "refuse"
    assert decide("+861055500001", allowed, 3_600_000, 60_000) == "answer"
    assert decide("+861055500001", allowed, 3_600_000, 4_000_000) == "ring"
    assert decide("+861055500001", allowed, 3_600_000, None) == "ring"


def test_limits_hold_whatever_is_configured() -> None:
    """Too small, too large, and no number at all."""
    for name in limits.TABLE:
        default, low, high = limits.TABLE[name]
        assert low <= default <= high
        assert limits.limit({name: -(10**9)}, name) == low
        assert limits.limit({name: 10**9}, name) == high
        for times in (None, {}, {name: "5"}, {name: None}, {name: True}):
            assert limits.limit(times, name) == default  # type: ignore[arg-type]


def test_every_lamp_and_tone_of_the_wire_has_its_pattern() -> None:
    """One list of states for firmware, cloud and documents."""
    assert sorted(indicator.LAMPS) == sorted(codes.LAMPS)
    assert sorted(indicator.BEEPS) == sorted(codes.BEEPS)


def facts(shower: Indicator, phase: str, desk: str | None = None, voice: bool = True, now: int = 0) -> None:
    """A terminal that is up."""
    shower.facts(now, started=True, voice=voice, data=True, fault=False, ladder={"phase": phase, "desk": desk})


def test_the_lamp_shows_the_most_important_thing() -> None:
    """Talk over everything; the desk's own word between two calls; what is broken last."""
    up: dict[str, object] = {"started": True, "voice": True, "data": True, "fault": True}
    assert lamp(up, "talking", "accepted", True) == "talking"
    assert lamp(up, "ringing", "accepted", False) == "ringing"
    assert lamp(up, "idle", "accepted", False) == "accepted"
    assert lamp(up, "nobody", "on_the_way", False) == "on_the_way"
    assert lamp(up, "nobody", None, False) == "nobody"
    assert lamp(up, "idle", None, False) == "fault"
    assert lamp({"started": True, "voice": False, "data": True}, "idle", None, False) == "no_voice"
    assert lamp({"started": True, "voice": True, "data": False}, "idle", None, False) == "no_data"
    assert lamp({"started": True, "voice": True, "data": True}, "idle", None, False) == "ready"
    assert lamp({}, "idle", None, False) == "starting"


def test_a_key_is_seen_and_heard_with_the_next_tick() -> None:
    """Before any other tone that waits."""
    shower = Indicator()
    facts(shower, "idle")
    shower.tick(0)
    shower.tone("sos", 10)
    shower.feedback("sos", 10)
    assert shower.tick(10) == [("lamp", "pressed"), ("beep", "key"), ("beep", "sos")]
    assert shower.tick(300) == []
    assert shower.tick(310) == [("lamp", "ready")]


def test_there_is_never_a_silence_of_five_seconds_while_help_is_being_called() -> None:
    """Except in a talk, where a beep would be in the way."""
    for phase in ("calling", "ringing", "no_voice", "nobody"):
        shower = Indicator()
        heard = [0]
        for now in range(0, 60_000, 100):
            facts(shower, phase)
            heard += [now for action in shower.tick(now) if action[0] == "beep"]
        assert len(heard) > 12
        assert max([heard[index + 1] - heard[index] for index in range(len(heard) - 1)]) <= 5_000
    shower = Indicator()
    facts(shower, "talking")
    assert [action for now in range(0, 60_000, 100) for action in shower.tick(now) if action[0] == "beep"] == []
