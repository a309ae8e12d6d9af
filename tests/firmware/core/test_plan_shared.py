"""Plans: what is refused, how a route is merged, and whose turn it is."""

from firmware.core.plan import checked, merge, next_rung, staffed

DESK = ("desk", "01055500001", 30, 1)
SON = ("son", "13800000001", 25, 0)
STATION = ("station", "01055500002", 20, 1)


def test_a_plan_with_anything_wrong_is_refused_as_a_whole() -> None:
    """A number that holds more than a number would be a command to the modem."""
    assert checked([list(DESK)]) == [DESK]
    for bad in (
        None, [], [DESK] * 9, [["", "01055500001", 30, 1]], [["desk", "0105550;+CFUN=0", 30, 1]],
        [["desk", "1\r\nATH", 30, 1]], [["desk", "1", 30, 1]], [["desk", "01055500001", 4, 1]],
        [["desk", "01055500001", 91, 1]], [["desk", "01055500001", "30", 1]], [["desk", "01055500001", 30, None]],
        [["desk", 120, 30, 1]], [["x" * 13, "01055500001", 30, 1]], [["desk", "+" + "1" * 20, 30, 1]], "desk",
    ):  # fmt: skip
        assert checked(bad) is None


def test_a_route_reorders_and_adds_and_never_removes_the_desk() -> None:
    """Whatever it says."""
    assert merge([STATION, DESK], [DESK, SON]) == [STATION, DESK]
    assert merge([STATION], [DESK, SON]) == [STATION, DESK]
    weak = ("desk", DESK[1], 5, 0)
    assert merge([weak], [DESK]) == [DESK]
    many = [("t%d" % n, "1380000010%d" % n, 20, 0) for n in range(8)]
    merged = merge(many, [DESK, SON, STATION])
    assert len(merged) == 8
    assert merged[:6] == many[:6]
    assert staffed(merged) == [DESK, STATION]


def test_a_cycle_takes_every_rung_once_in_order() -> None:
    """Also where a number stands twice: the desk first and the desk last."""
    plan = [DESK, SON, DESK]
    tried: list[str] = []
    turns = []
    while True:
        index = next_rung(plan, tried)
        if index is None:
            break
        turns.append(index)
        tried.append(plan[index][1])
    assert turns == [0, 1, 2]


def test_a_plan_that_changes_in_the_middle_neither_repeats_nor_forgets() -> None:
    """The desk was dialled under the old plan; the new one puts the station first."""
    assert next_rung([STATION, DESK, SON], [DESK[1]]) == 0
    assert next_rung([STATION, DESK, SON], [DESK[1], STATION[1]]) == 2
    assert next_rung([STATION, DESK, SON], [DESK[1], STATION[1], SON[1]]) is None


def test_routes_that_keep_changing_do_not_starve_the_desk() -> None:
    """Past one full ladder only a desk that was not dialled yet still has its turn in this cycle."""
    tried = ["1380000020%d" % n for n in range(8)]
    assert next_rung([SON, DESK], tried) == 1
    assert next_rung([SON, DESK], tried + [DESK[1]]) is None  # noqa: RUF005, MicroPython unpacks no lists


def test_a_number_just_tried_waits_for_any_other_whose_turn_has_not_come() -> None:
    """And has its turn all the same."""
    assert next_rung([DESK, SON, DESK], [], DESK[1]) == 1
    assert next_rung([DESK, SON, DESK], [SON[1]], SON[1]) == 0
    assert next_rung([DESK, DESK], [], DESK[1]) == 0
    assert next_rung([DESK, SON], [SON[1]], DESK[1]) == 0
    assert next_rung([DESK], [DESK[1]], DESK[1]) is None
