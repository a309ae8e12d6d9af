"""What each part of the acceptance test takes for a pass: signals and codes, never goodwill."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tools.accept.bench import KEYS, Board, Technician, bench
from tools.accept import check, parts, plan, session


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The board made by hand has answered before it is looked at."""
    monkeypatch.setattr(session, "NAP_S", 0)


def digits(board: Board, told: Technician) -> None:
    """The test phone's keypad: whatever is counted comes back."""
    tell = told.tell

    def count(what: str, chinese: str, english: str, **facts: object) -> None:
        tell(what, chinese, english, **facts)

    told.tell = count  # type: ignore[method-assign]
    write = board.write

    def beeped(data: bytes) -> None:
        write(data)
        if b'"beep"' in data:
            board.happens("digit", key=str(board.last("beep")["count"]))

    board.write = beeped  # type: ignore[method-assign]


def test_a_good_terminal_passes_every_part() -> None:
    """In the order of the plan, each with its facts."""
    board = Board()
    technician = Technician(board)
    digits(board, technician)
    done = check.run(bench(board, technician))
    assert [(part.name, part.why) for part in done] == [(name, "") for name in plan.PARTS]
    assert check.passed(done)
    assert board.last("dial")["number"] == "13800000002"
    assert board.heard[-1]["do"] == "press"


def no_finger(board: Board, technician: Technician) -> None:
    technician.ignores.add("press")


def other_key(board: Board, technician: Technician) -> None:
    technician.presses = lambda key: KEYS[(KEYS.index(key) + 1) % len(KEYS)]
    technician.ignores.add("wrong_key")


def held_key(board: Board, technician: Technician) -> None:
    board.facts["levels"] = [False, True, False]


def miscounts(name: str) -> Callable[[Board, Technician], None]:
    def change(board: Board, technician: Technician) -> None:
        technician.types[name] = lambda: "9"

    return change


def enter_only(name: str) -> Callable[[Board, Technician], None]:
    def change(board: Board, technician: Technician) -> None:
        technician.types[name] = lambda: ""

    return change


def facts(**fields: object) -> Callable[[Board, Technician], None]:
    def change(board: Board, technician: Technician) -> None:
        board.facts |= fields

    return change


def cable_left(board: Board, technician: Technician) -> None:
    technician.ignores.add("mains")


def deaf_phone(board: Board, technician: Technician) -> None:
    board.write = Board.write.__get__(board)  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("keys", no_finger),
        ("keys", other_key),
        ("keys", held_key),
        ("lamp", miscounts("lamp")),
        ("lamp", enter_only("lamp")),
        ("buzzer", enter_only("buzzer")),
        ("modem", facts(sim=False)),
        ("modem", facts(iccid="89860000000000000002")),
        ("modem", facts(imei="860000000000009")),
        ("modem", facts(reg=3)),
        ("modem", facts(csq=99)),
        ("modem", facts(csq=9)),
        ("speaker", enter_only("speaker")),
        ("call", deaf_phone),
        ("call", miscounts("caller")),
        ("power", cable_left),
        ("power", facts(cell_mv=None)),
        ("power", facts(cell_mv=3_300)),
        ("data", facts(online=False)),
    ],
)
def test_a_missing_signal_refuses_the_terminal(name: str, change: Callable[[Board, Technician], None]) -> None:
    """And says which part and why, in both languages; the parts after it are still looked at."""
    board = Board()
    technician = Technician(board)
    digits(board, technician)
    change(board, technician)
    done = check.run(bench(board, technician))
    assert [part.name for part in done if not part.passed] == [name]
    assert " / " in next(part.why for part in done if part.name == name)
    assert not check.passed(done)


@pytest.mark.parametrize("number", ["120", "110", "112", "119", "+86120", "010120", "12345x", "9999", "", "0120"])
def test_an_emergency_number_is_never_dialled(number: str) -> None:
    """Whatever stands in the settings."""
    board = Board()
    technician = Technician(board)
    done = check.run(bench(board, technician, test_number=number), ["call"])
    assert not done[0].passed
    assert [one for one in board.heard if one["do"] == "dial"] == []


def test_a_sim_whose_number_nobody_knows_is_refused() -> None:
    """Without it a press and a phone call could not be matched."""
    board = Board()
    technician = Technician(board)
    digits(board, technician)
    done = check.run(bench(board, technician, caller_proof=None), ["call"])
    assert not done[0].passed


def test_a_part_that_failed_may_be_tried_again() -> None:
    """A cap that sat askew."""
    board = Board()
    technician = Technician(board)
    technician.types["lamp"] = lambda: "9"
    answers = iter(["r", "x"])

    def again() -> str:
        technician.types["lamp"] = lambda: str(board.last("lamp")["count"])
        return next(answers)

    technician.types["again"] = again
    assert check.passed(check.run(bench(board, technician), ["lamp"]), ["lamp"])


def test_a_pulled_cable_ends_the_test() -> None:
    """What was not looked at has not passed."""
    board = Board()
    technician = Technician(board)
    told = technician.tell

    def pull(what: str, chinese: str, english: str, **more: object) -> None:
        board.dead = board.dead or (what == "part" and more["part"] == "modem")
        told(what, chinese, english, **more)

    technician.tell = pull  # type: ignore[method-assign]
    done = check.run(bench(board, technician))
    assert [part.passed for part in done] == [True, True, True, False]
    assert "断开" in done[-1].why


def test_every_code_is_drawn_anew() -> None:
    """Guessing one of five, three times, must be luck."""
    board = Board()
    technician = Technician(board)
    technician.types["lamp"] = lambda: "0"
    made = bench(board, technician)
    drawn = iter((2, 5, 3))
    made.draw = lambda codes: next(drawn)
    with pytest.raises(parts.FailedError):
        parts.lamp(made)
    assert [one["count"] for one in board.heard if one["do"] == "lamp"] == [2, 5, 3]
