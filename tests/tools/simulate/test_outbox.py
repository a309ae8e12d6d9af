"""The outbox of a simulated terminal."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tools.simulated.counts import percentiles
from tools.simulated.outbox import ASIDE_S, ENTRIES_MAX, RESEND_FIRST_S, Outbox


def test_a_message_is_sent_until_its_receipt_comes() -> None:
    """10, 20, 40 ... 300 seconds, then hourly, for ever; gone with the receipt, once."""
    box = Outbox()
    box.put("a", "press", {}, 0.0)
    now, waits = 0.0, []
    for _ in range(22):
        (entry,) = box.due(now)
        box.tried(entry, now)
        due = box.next_due()
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits == [10, 20, 40, 80, 160, *[300] * 14, 3600, 3600, 3600]
    assert box.aside == 1
    assert box.received("a") is not None
    assert (box.received("a"), len(box), box.next_due()) == (None, 0, None)


def test_a_press_goes_before_all_others() -> None:
    """The rest in the order in which it happened."""
    box = Outbox()
    for message_id, kind in (("a", "event"), ("b", "call"), ("c", "press"), ("d", "event"), ("e", "press")):
        box.put(message_id, kind, {}, 0.0)
    assert [entry.id for entry in box.due(0.0)] == ["c", "e", "a", "b", "d"]


def test_after_a_new_connection_everything_is_due() -> None:
    """What went over the last one may be lost."""
    box = Outbox()
    box.put("a", "press", {}, 0.0)
    box.tried(box.due(0.0)[0], 0.0)
    assert box.due(1.0) == []
    box.again(1.0)
    assert [entry.id for entry in box.due(1.0)] == ["a"]


def test_a_full_outbox_takes_no_more() -> None:
    """The caller counts what it drops."""
    box = Outbox()
    assert all(box.put(str(number), "event", {}, 0.0) for number in range(ENTRIES_MAX))
    assert not box.put("x", "event", {}, 0.0)


@given(st.lists(st.tuples(st.sampled_from("pstr"), st.integers(0, 4), st.integers(0, 500)), max_size=60))
def test_nothing_leaves_the_outbox_but_by_its_receipt(steps: list[tuple[str, int, int]]) -> None:
    """Against a model: the set of ids put and not receipted."""
    box, model, now = Outbox(), set[str](), 0
    for step, number, passed in steps:
        now += passed
        name = str(number)
        if step == "p" and name not in model:
            box.put(name, "press", {}, now)
            model.add(name)
        elif step == "r":
            assert (box.received(name) is not None) == (name in model)
            model.discard(name)
        else:
            for entry in box.due(now):
                box.tried(entry, now)
                assert RESEND_FIRST_S <= entry.due_at - now <= ASIDE_S
        assert len(box) == len(model)


def test_percentiles_are_values_that_were_measured() -> None:
    """Median, 99th, largest; nothing measured is nothing."""
    assert percentiles(Counter()) is None
    assert percentiles(Counter(range(200))) == {"n": 200, "p50": 100, "p99": 198, "max": 199}
