"""Who is texted, how often, and what the message says."""

from firmware.core import sms, words
from firmware.core.sms import FIRST, LAST, Texts

SON, DAUGHTER = "13800000001", "13800000002"
PLAN = [("desk", "01055500001", 30, 1), ("son", SON, 25, 0), ("desk", "01055500001", 30, 1), ("son", "+86" + SON, 9, 0)]
TWO = [(SON, "son"), (DAUGHTER, "daughter")]


def test_without_a_list_every_mobile_of_the_plan_is_texted_once() -> None:
    """A desk has no mobile; a mobile is 1, 3 to 9 and nine more digits, however its country is spelt."""
    assert sms.people(PLAN, None) == [(SON, "son")]
    for number in ("13800000001", "+8619900000001", "008615000000001"):
        assert sms.is_mobile(number)
    for number in ("01055500001", "12345678901", "1380000000", "110", "", "1380000000*"):
        assert not sms.is_mobile(number)


def test_a_configured_list_counts_alone_and_five_are_enough() -> None:
    """An empty list means nobody; who is not in the plan gets a name that is no number."""
    assert sms.people(PLAN, []) == []
    assert sms.people(PLAN, ["+86" + SON, DAUGHTER, SON]) == [("+86" + SON, "son"), (DAUGHTER, "短信2")]
    assert len(sms.people(PLAN, ["1380000010%d" % digit for digit in range(9)])) == 5
    assert sms.people(PLAN, ['1"', "x", "1;2", ""]) == []


def test_one_message_at_a_time_and_each_number_once() -> None:
    """Everybody's first try comes before anybody's second."""
    texts = Texts()
    assert texts.next(0) is None
    assert texts.begin(FIRST, TWO, 0)
    first = texts.next(0)
    assert first == (1, SON)
    assert texts.next(10) is None
    assert texts.told(1, False) is None
    assert texts.next(20) == (2, DAUGHTER)
    assert texts.told(2, True) == ("sms_sent", "daughter", 1)
    assert texts.next(1_000) is None
    assert texts.next(sms.AGAIN_MS) == (3, SON)
    assert texts.told(3, True) == ("sms_sent", "son", 2)
    assert not texts.pending
    assert not texts.begin(FIRST, TWO, 99)


def test_three_tries_are_enough_and_are_told_once() -> None:
    """The count goes with the event."""
    texts = Texts()
    texts.begin(FIRST, [(SON, "son")], 0)
    told = []
    for turn in range(9):
        order = texts.next(turn * sms.AGAIN_MS)
        if order is not None:
            told.append(texts.told(order[0], False))
    assert told == [None, None, ("sms_failed", "son", 3)]
    assert not texts.pending


def test_a_word_that_never_comes_does_not_block_the_others() -> None:
    """And one that comes late changes nothing."""
    texts = Texts()
    texts.begin(FIRST, TWO, 0)
    assert texts.next(0) == (1, SON)
    assert texts.next(sms.FLIGHT_MS - 1) is None
    assert texts.next(sms.FLIGHT_MS) == (2, DAUGHTER)
    assert texts.told(1, True) is None


def test_the_last_wave_waits_for_the_message_under_way() -> None:
    """One modem sends one at a time; what it says still counts as sent."""
    texts = Texts()
    texts.begin(FIRST, TWO, 0)
    texts.next(0)
    assert texts.begin(LAST, TWO, 10)
    assert texts.next(20) is None
    assert texts.told(1, True) == ("sms_sent", "son", 1)
    assert texts.next(30) == (2, SON)


def test_a_reset_sends_nobody_the_same_message_twice() -> None:
    """Sent, given up or under way: over. Who was still to come is still to come."""
    texts = Texts()
    texts.begin(FIRST, [(SON, "son"), (DAUGHTER, "daughter"), ("13800000003", "son2")], 0)
    texts.next(0)
    texts.told(1, True)
    assert texts.next(1) == (2, DAUGHTER)
    after = Texts()
    after.restore(texts.dump(), 5_000)
    assert after.next(5_000) == (1, "13800000003")
    after.told(1, True)
    assert not after.pending
    assert not after.begin(FIRST, TWO, 6_000)
    assert after.begin(LAST, TWO, 6_000)


def test_a_dump_that_does_not_fit_sends_nothing() -> None:
    """Silence here is mended by the last wave; a storm is not."""
    for bad in (None, 5, [], [1], [3, []], [0, []], [1, 5], [1, [[SON]]], [1, [[SON, "son", "x", 0]]], ["1", []]):
        texts = Texts()
        texts.restore(bad, 0)
        assert texts.next(0) is None
        assert texts.begin(LAST, TWO, 0)


def test_the_message_names_home_key_terminal_and_time() -> None:
    """1795000000 is 2026-11-18 19:06:40 in Shanghai."""
    assert words.minute_text(1_795_000_000) == "11-18 19:06"
    text = words.short_message("示例路3号楼", "sos", FIRST, "DESK01", 1_795_000_000)
    assert text == "【一键呼】示例路3号楼按下紧急键，尚无人受理，请速联系。DESK01 11-18 19:06"
    text = words.short_message(None, "k2", LAST, "DESK01", None)
    assert text == "【一键呼】老人按下2号键，仍无人受理，请速前往。DESK01"


def test_the_longest_message_is_one_message() -> None:
    """70 units; a rare character takes two of them."""
    for who in ("屏" * 16, "\U00020bb7" * 16, "屏" * 40):
        for wave in (FIRST, LAST):
            text = words.short_message(who, "sos", wave, "D" * 20, 1_795_000_000)
            assert words.units(text) <= words.SMS_UNITS_MAX
            assert len(words.ucs2_hex(text)) == 4 * words.units(text)


def test_ucs2_is_four_hex_digits_a_unit() -> None:
    """Rare characters as two halves."""
    assert words.ucs2_hex("A一") == "00414E00"
    assert words.ucs2_hex("\U00020bb7") == "D842DFB7"
