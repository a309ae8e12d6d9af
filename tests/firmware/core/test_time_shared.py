"""Clock, days of the calendar, the record of a day, heartbeats and waits."""

from firmware.core import clock
from firmware.core.backoff import REFUSED_FIRST_MS, REFUSED_MOST_MS, Backoff
from firmware.core.clock import DeviceClock
from firmware.core.day import DayBook
from firmware.core.schedule import Heartbeat
from protocol import messages

BUILD = 1_767_225_600  # 2026-01-01T00:00:00Z
MIDNIGHT = 1_775_318_400  # 2026-04-05T00:00:00+08:00
MINUTE = 60_000


def run(book: DayBook, start: int, minutes: int, epoch: int | None, registered: bool = True) -> list[dict[str, object]]:
    """A tick a minute; `epoch` is the time at `start`."""
    out = []
    for minute in range(minutes + 1):
        at = None if epoch is None else epoch + minute * 60
        out += book.tick(start + minute * MINUTE, at, registered)
    return out


def test_dates_and_epochs_agree() -> None:
    """Known days and leap years."""
    assert clock.epoch_of(1970, 1, 1, 0, 0, 0) == 0
    assert clock.epoch_of(2000, 1, 1, 0, 0, 0) == 946_684_800
    assert clock.epoch_of(2026, 1, 1, 0, 0, 0) == BUILD
    assert clock.epoch_of(2028, 2, 29, 12, 0, 0) == 1_835_438_400
    assert clock.day_text(clock.shanghai_number(MIDNIGHT)) == "2026-04-05"
    assert clock.day_text(clock.shanghai_number(MIDNIGHT - 1)) == "2026-04-04"
    assert clock.shanghai_midnight(clock.shanghai_number(MIDNIGHT)) == MIDNIGHT


def test_every_day_of_a_century_has_its_own_name() -> None:
    """Through all leap years; each name leads back to its number."""
    last = ""
    for number in range(clock.shanghai_number(946_684_800), clock.shanghai_number(clock.LATEST), 7):
        text = clock.day_text(number)
        assert text > last
        assert clock.epoch_of(int(text[:4]), int(text[5:7]), int(text[8:]), 0, 0, 0) == number * clock.DAY_S
        last = text


def test_the_modems_clock_is_read_with_its_zone() -> None:
    """Local time and quarter hours; anything else is no time."""
    assert clock.parse_cclk('"26/04/05,00:00:00+32"') == MIDNIGHT
    assert clock.parse_cclk("26/04/04,16:00:00+00") == MIDNIGHT
    for bad in ("", "26/04/05", "26/13/05,00:00:00+32", "26/04/05,24:00:00+32", "ab/04/05,00:00:00+32"):
        assert clock.parse_cclk(bad) is None


def test_a_clock_before_the_build_is_refused() -> None:
    """A modem that was never told the time says 2004."""
    device = DeviceClock(BUILD)
    assert not device.set(clock.parse_cclk("04/01/01,00:00:00+32"), 5_000)
    assert not device.set(None, 5_000)
    assert device.epoch(6_000) is None
    assert not device.expired(1, 6_000)
    assert device.set(MIDNIGHT, 10_000)
    assert device.epoch(12_500) == MIDNIGHT + 2
    assert device.epoch(0) == MIDNIGHT - 10
    assert device.expired(MIDNIGHT, 12_500)
    assert not device.expired(MIDNIGHT + 2, 12_500)


def test_a_time_that_cannot_be_is_refused_and_one_that_contradicts_needs_a_second_word() -> None:
    """A cell with a wrong clock must neither date our messages nor judge certificates."""
    device = DeviceClock(BUILD)
    for wrong in (BUILD - 1, BUILD + clock.LIFE_S, clock.LATEST):
        assert not device.set(wrong, 1_000)
    assert device.set(MIDNIGHT, 0)
    assert device.set(MIDNIGHT + clock.JUMP_S, 0)
    year = 365 * 86_400
    assert not device.set(MIDNIGHT + year, 0)
    assert not device.set(MIDNIGHT + year + 1, 1_000), "one wrong time may come by two reports"
    assert not device.set(MIDNIGHT + 2 * year, 30_000), "another one is no confirmation"
    assert device.set(MIDNIGHT + clock.JUMP_S + 60, 60_000)
    assert not device.set(MIDNIGHT + 2 * year + 40, 70_000), "a word that agrees takes the doubt away"
    assert device.set(MIDNIGHT + 2 * year + 70, 100_000)
    assert device.epoch(100_000) == MIDNIGHT + 2 * year + 70


def test_a_day_that_was_told_goes_on_where_it_was() -> None:
    """The clock was fast by a minute at midnight: the second record of the day is the larger one."""
    book = DayBook()
    first = run(book, 0, 61, MIDNIGHT - 3_600)
    assert (first[0]["day"], first[0]["on"]) == ("2026-04-04", 60)
    again = DayBook()
    again.load(book.dump())
    assert run(again, 62 * MINUTE, 0, MIDNIGHT - 60) == []
    later = run(again, 62 * MINUTE, 3, MIDNIGHT - 60)
    assert (later[0]["day"], later[0]["on"]) == ("2026-04-04", 61)


def test_minutes_of_a_clock_that_was_years_ahead_are_todays() -> None:
    """They were lived; a day that will not come for years would keep them for ever."""
    book = DayBook()
    run(book, 0, 60, MIDNIGHT + 400 * 86_400)
    assert run(book, 60 * MINUTE, 60, MIDNIGHT) == []
    ended = run(book, 120 * MINUTE, 1, MIDNIGHT + 86_400)
    assert (ended[0]["day"], ended[0]["on"]) == ("2026-04-05", 120)
    assert len(book.dump()["days"]) == 1  # type: ignore[arg-type]


def test_a_day_ends_at_shanghai_midnight_with_its_minutes() -> None:
    """Two hours before midnight, one of them registered, an hour after."""
    book = DayBook()
    run(book, 0, 60, MIDNIGHT - 7_200, registered=False)
    book.count("presses", 60 * MINUTE)
    ended = run(book, 60 * MINUTE, 120, MIDNIGHT - 3_600)
    assert len(ended) == 1
    assert ended[0]["day"] == "2026-04-04"
    assert (ended[0]["on"], ended[0]["reg"], ended[0]["presses"]) == (120, 60, 1)
    whole = dict(ended[0])
    whole.update({"id": "0123abcd.1.1", "t": MIDNIGHT, "u": 5, "s": 6})
    messages.encode("up", "day", whole)


def test_minutes_before_the_clock_was_set_belong_to_their_own_day() -> None:
    """Dated backwards once the network has told the time."""
    book = DayBook()
    run(book, 0, 180, None)
    book.count("answered", 181 * MINUTE)
    # The clock is set a minute into the day: by the hour, all but the last of them belong to yesterday.
    assert book.tick(181 * MINUTE, MIDNIGHT + 60, True)[0]["on"] in range(120, 182)
    ended = run(book, 181 * MINUTE, 24 * 60, MIDNIGHT + 60)
    assert ended[0]["on"] == 1440


def test_a_restart_loses_at_most_what_was_not_stored() -> None:
    """And what can never be dated is counted as lost, not guessed."""
    book = DayBook()
    run(book, 0, 60, MIDNIGHT)
    book.count("beats", 60 * MINUTE)
    after = DayBook()
    after.load(book.dump())
    ended = run(after, 0, 120, MIDNIGHT + 23 * 3_600)
    assert (ended[0]["on"], ended[0]["beats"]) == (120, 1)
    dark = DayBook()
    run(dark, 0, 30, None)
    later = DayBook()
    later.load(dark.dump())
    assert later.lost_minutes == 30
    bads: tuple[object, ...] = (None, [], {"days": 5}, {"days": {"x": {}}}, {"days": {"5": {"on_ms": "a"}}})
    for bad in bads:
        DayBook().load(bad)


def test_a_gap_between_ticks_is_not_proof_of_work() -> None:
    """A terminal that hung for an hour was of no use to anybody."""
    book = DayBook()
    book.tick(0, MIDNIGHT, True)
    book.tick(60 * MINUTE, MIDNIGHT + 3_600, True)
    ended = book.tick(61 * MINUTE, MIDNIGHT + 86_400, True)
    assert ended[0]["on"] == 3


def test_heartbeats_keep_their_interval_and_spread_over_the_fleet() -> None:
    """Terminals that lost mains together do not beat together."""
    beats = Heartbeat("OKC00001", 600, 0)
    times = [now for now in range(0, 3_600_000, 1_000) if beats.due(now)]
    assert len(times) == 6
    assert [times[index + 1] - times[index] for index in range(5)] == [600_000] * 5
    phases = [Heartbeat("OKC%05d" % n, 600, 0).next_ms // 60_000 for n in range(200)]
    assert len(set(phases)) == 10
    beats.set_every(600, 3_600_000)
    assert beats.next_ms > 3_600_000 - 1
    beats.set_every(1, 3_600_000)
    assert 3_600_000 <= beats.next_ms < 3_660_000


def test_missed_beats_are_not_made_up() -> None:
    """One beat after a gap, not a burst."""
    beats = Heartbeat("OKC00001", 60, 0)
    assert beats.due(600_000)
    assert not beats.due(600_001)


def test_waits_double_to_two_minutes_with_a_quarter_of_jitter() -> None:
    """From one second."""
    for draw in (0, 12_345, 65_535, 4_000_000_000):
        backoff = Backoff()
        waits = [backoff.failed(draw) for _ in range(12)]
        for index in range(12):
            base = min(1_000 * 2**index, 120_000)
            assert base * 3 // 4 <= waits[index] <= base * 5 // 4


def test_a_link_that_flaps_does_not_start_again_from_one_second() -> None:
    """Only a minute of being up does that."""
    backoff = Backoff()
    for _ in range(10):
        backoff.failed(0)
    backoff.connected(1_000)
    assert backoff.lost(30_000, 0) == 90_000
    backoff.connected(100_000)
    assert backoff.lost(160_000, 0) == 1_000
    assert backoff.failed(0) == 1_500


def test_who_loses_a_link_that_held_comes_back_at_any_moment_of_a_minute() -> None:
    """50,000 that lose their server at once would otherwise be there again in the same half second, and fail."""
    waits = []
    for draw in range(0, 65_536, 64):
        backoff = Backoff()
        backoff.connected(0)
        waits.append(backoff.lost(60_000, draw))
    assert min(waits) == 1_000
    assert 60_000 < max(waits) <= 61_000
    for second in range(1, 60):
        assert 10 <= sum(second * 1_000 <= wait < second * 1_000 + 1_000 for wait in waits) <= 25


def test_after_a_refusal_the_waits_go_from_one_minute_to_sixteen_and_use_all_of_their_jitter() -> None:
    """A draw has 16 bits; the spread of a long wait is wider than that. An acceptance begins anew."""
    backoffs = [Backoff(REFUSED_FIRST_MS, REFUSED_MOST_MS) for _ in range(2)]
    for index in range(8):
        base = min(60_000 * 2**index, 960_000)
        assert backoffs[0].failed(0) == base * 3 // 4
        assert backoffs[1].failed(65_535) == base * 5 // 4
    backoffs[0].reset()
    assert backoffs[0].failed(0) == 45_000
