"""The short way of a heartbeat says what the long way says, or nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from cloud.devices.rules import clock_offset_ms
from cloud.ingest.beatline import COLUMNS, line
from cloud.ingest.dating import LATE_S, date_message
from cloud.ingest.decode import decode
from cloud.ingest.marks import place
from cloud.ingest.models import Checked
from protocol.fields import COMMON_UP, UP

AT = datetime(2026, 3, 31, 15, 59, 59, 250_000, tzinfo=UTC)  # a quarter of a second before midnight in Shanghai
NOW_S = int(AT.timestamp())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOPIC = "okc/v1/up/hb/BJCY000001"
GOOD: dict[str, Any] = {
    "v": 1, "id": "0badcafe.1.7", "t": NOW_S, "u": 60_000, "s": 61_000, "bat": 3_900, "pct": 80, "mains": 1,
    "csq": 20, "reg": 1, "net": "gsm", "cell": "1a2b-3c4d", "temp": -5, "heap": 40_000, "box": 0, "drops": 0,
    "call": 0, "cfg": 3, "rtt": 700, "test": 0, "missed": 0,
}  # fmt: skip
NAMES = [row[0] for row in (*COMMON_UP, *UP["hb"])]

values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.integers(-2, 110), st.floats(), st.text(max_size=30),
    st.sampled_from([0.0, 1.0, 1e3, "gsm", "gsm\n", "", "a:b", "1a2b", "é", "\ud800", [], {}, [1], {"a": 1}]),
    st.sampled_from([NOW_S - 121, NOW_S + 120, NOW_S + 121, 0, 1_735_689_599, 1_735_689_600, 2**53, 10**9]),
    st.from_regex(r"[0-9a-f]{7,9}\.[0-9]{1,8}\.[0-9]{1,9}", fullmatch=True),
)  # fmt: skip
changes = st.lists(st.tuples(st.sampled_from([*NAMES, "new"]), st.one_of(values, st.just("absent"))), max_size=4)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """A good heartbeat with some fields changed, and now and then with something of JSON that is easily overlooked."""
    fields = dict(GOOD)
    for name, value in draw(changes):
        if value == "absent":
            fields.pop(name, None)
        else:
            fields[name] = value
    text = json.dumps(fields, separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])))
    trick = draw(st.sampled_from(["", "twice", "comma", "zero", "cut", "tail", "escape"]))
    if trick == "twice":
        text = text[:-1] + f',"{draw(st.sampled_from(NAMES))}":{json.dumps(draw(values))}}}'
    elif trick == "comma":
        text = text[:-1] + ",}"
    elif trick == "zero":
        text = text.replace(":60000", ":060000")
    elif trick == "cut":
        text = text[: draw(st.integers(0, len(text)))]
    elif trick == "tail":
        text += draw(st.sampled_from([" ", "\n", "x", "\x00"]))
    elif trick == "escape":
        text = text.replace('"gsm"', '"\\u0067sm"').replace('"bat"', '"\\u0062at"')
    return text.encode("utf-8", "surrogatepass")


def columns_of(short: str) -> list[str]:
    """What the stage reads: a number may have zeros before it."""
    columns = short.split("\t")
    return [str(int(each)) if name == "place" else each for name, each in zip(COLUMNS, columns, strict=True)]


def expected(payload: bytes) -> list[str] | None:
    """What the long way makes of it."""
    found = decode(TOPIC, payload)
    if not isinstance(found, Checked):
        return None
    dated = date_message(found.body, AT)
    happened = None if dated.happened_at is None else (dated.happened_at - EPOCH) // timedelta(microseconds=1)
    columns: list[object] = [
        found.device_id, found.id, found.id.split(".")[0], place(found.id),
        "\\\\x" + found.content_hash.hex(), (AT - EPOCH) // timedelta(microseconds=1),
        happened, dated.dating, (dated.day - EPOCH.date()).days,
        "t" if dated.late_s is None or dated.late_s > LATE_S else "f", clock_offset_ms(found.body, AT),
    ]  # fmt: skip
    columns += [found.body[row[0]] for row in UP["hb"]]
    return ["\\N" if each is None else str(each) for each in columns]


@given(payloads())
@example(json.dumps({**GOOD, "csq": 20.0}).encode())
@example(json.dumps({**GOOD, "call": True}).encode())
@example(json.dumps({**GOOD, "cell": "a:b"}).encode())
@example(json.dumps({**GOOD, "net": "gsm\n"}).encode())
@example(json.dumps(GOOD).replace('"box"', '"csq"').encode())
def test_what_it_takes_it_reads_as_the_long_way_does(payload: bytes) -> None:
    """A wrong reading would be billed; a refusal only costs the time of the long way."""
    short = line(TOPIC, payload, AT)
    if short is not None:
        assert columns_of(short) == expected(payload)


@given(st.lists(st.tuples(st.sampled_from(["t", "s", "bat", "mains"]), st.none()), max_size=4), st.integers(0, 10**7))
def test_a_terminals_own_heartbeat_goes_the_short_way(unset: list[tuple[str, None]], sequence: int) -> None:
    """Also one whose clock was never set."""
    payload = json.dumps({**GOOD, "id": f"0badcafe.1.{sequence}", **dict(unset)}, separators=(",", ":")).encode()
    short = line(TOPIC, payload, AT)
    assert short is not None
    assert columns_of(short) == expected(payload)


def test_a_topic_of_nobody_is_left_to_the_long_way() -> None:
    """Which knows the reason that goes into quarantine."""
    payload = json.dumps(GOOD).encode()
    for topic in (
        "okc/v1/up/hb/x",
        "okc/v1/up/hb/BJCY000001/x",
        "okc/v1/up/press/BJCY000001",
        "okc/v2/up/hb/BJCY000001",
    ):
        assert line(topic, payload, AT) is None
    assert line(TOPIC, payload, AT) is not None


def test_a_line_has_the_columns_of_the_stage() -> None:
    """And nothing in it that COPY would take for the end of one."""
    short = line(TOPIC, json.dumps(GOOD).encode(), AT)
    assert short is not None
    assert len(short.split("\t")) == len(COLUMNS)
    assert "\n" not in short
