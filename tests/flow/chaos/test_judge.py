"""The judge of a chaos run finds what is wrong, and nothing else."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.flow.chaos.judge import AFTER_S, BEFORE_S, Fault, Said, judge, read_sent, tried

PRESS = Said("BJ1", "a.1.1", "press", {"id": "a.1.1", "t": 50, "u": 1, "key": "sos", "ref": None}, 50.0)
CALL = Said("BJ1", "a.1.2", "call", {"id": "a.1.2", "t": 60, "u": 2, "step": "dial"}, 60.0)
BEAT = Said("BJ2", "a.1.1", "hb", {"id": "a.1.1", "t": 100, "bat": 3900, "csq": 20, "reg": 1}, 100.0)
SENT = [PRESS, CALL, BEAT]
STORED = [
    Said("BJ1", "a.1.1", "press", {"v": 1, "id": "a.1.1", "t": 50, "u": 1, "s": 7, "key": "sos"}),
    Said("BJ1", "a.1.2", "call", {"v": 1, "id": "a.1.2", "t": 60, "u": 2, "s": 7, "step": "dial"}),
    Said("BJ2", "a.1.1", "hb", {"bat": 3900, "csq": 20}),
]
KILLED = Fault("killed", "broker", 90.0, 95.0)


def with_body(said: Said, **body: object) -> Said:
    return dataclasses.replace(said, body={**said.body, **body})


def test_books_that_hold_are_clean() -> None:
    """Send times, the version and absent fields make no difference; a heartbeat has fewer columns than fields."""
    found = judge(SENT, STORED, [])
    assert found.clean
    assert found.told() == "clean"


@pytest.mark.parametrize(
    ("stored", "what", "names"),
    [
        (STORED[1:], "lost", [PRESS.name]),
        ([STORED[0], STORED[2]], "lost", [CALL.name]),
        ([*STORED, STORED[0]], "doubled", [PRESS.name]),
        ([*STORED, STORED[2]], "doubled", [BEAT.name]),
        ([with_body(STORED[0], key="k1"), *STORED[1:]], "altered", [PRESS.name]),
        ([with_body(STORED[0], more=1), *STORED[1:]], "altered", [PRESS.name]),
        ([*STORED[:2], with_body(STORED[2], bat=3901)], "altered", [BEAT.name]),
        ([dataclasses.replace(STORED[0], kind="event"), *STORED[1:]], "altered", [PRESS.name]),
        (STORED[:2], "beats_lost_without_cause", [BEAT.name]),
    ],
)
def test_each_mistake_is_found_by_id(stored: list[Said], what: str, names: list[tuple[str, str]]) -> None:
    """A receipted message that is missing is never excused."""
    found = judge(SENT, stored, [] if "beats" in what else [KILLED])
    assert getattr(found, what) == names
    assert not found.clean
    assert what in found.told()


@pytest.mark.parametrize(
    ("fault", "excused"),
    [
        (KILLED, True),
        (Fault("killed", "broker", 100.0 + BEFORE_S, 120.0), True),
        (Fault("killed", "broker", 100.1 + BEFORE_S, 120.0), False),
        (Fault("killed", "broker", 80.0, 100.0 - AFTER_S), True),
        (Fault("killed", "broker", 80.0, 99.9 - AFTER_S), False),
        (Fault("frozen", "broker", 90.0, 110.0), False),
        (Fault("killed", "ingest", 90.0, 110.0), False),
        (Fault("swallowed", "database", 90.0, 110.0), False),
    ],
)
def test_a_heartbeat_may_be_missing_only_around_a_killed_broker(fault: Fault, *, excused: bool) -> None:
    """It is told of either way."""
    found = judge(SENT, STORED[:2], [fault])
    assert found.beats_lost == [BEAT.name]
    assert found.clean is excused


def test_the_sent_file_is_read_and_heartbeats_are_counted_by_day() -> None:
    """Only heartbeats were tried in the sense of the day's record."""
    lines = [json.dumps({"device": e.device, "id": e.id, "kind": e.kind, "body": e.body, "at": e.at}) for e in SENT]
    assert read_sent(lines) == SENT
    assert tried([*SENT, BEAT], lambda seconds: seconds // 100) == {("BJ2", 1): 2}
