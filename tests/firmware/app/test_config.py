"""The configuration in force is always whole, and always reaches a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firmware.app.config import SHIPPED, Config
from firmware.app.storage import Storage
from firmware.core.ladder import Ladder
from protocol import codes, messages

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "ver": 3,
    "hb": 300,
    "plan": {"sos": [["值班台", "01055500001", 30, 1]]},
    "times": {"cycles": 2},
}


def ladder(config: Config) -> Ladder:
    return Ladder(config.plans(), config.ver, config.times())


def decoded(fields: dict[str, Any]) -> dict[str, object]:
    return messages.decode("down", "config", messages.encode("down", "config", fields))


def test_the_shipped_plan_reaches_the_desk_with_every_key(tmp_path: Path) -> None:
    """A terminal out of the box dials."""
    config = Config(Storage(str(tmp_path)))
    ladder(config)
    assert set(config.plans()) == set(codes.KEYS) - {"cancel"}
    assert config.ver == 0


def test_a_message_is_applied_stored_and_loaded_at_the_next_start(tmp_path: Path) -> None:
    """What it leaves out has its shipped value."""
    storage = Storage(str(tmp_path))
    config = Config(storage)
    assert config.apply(decoded(GOOD), ladder(config).set_plans) == ""
    again = Config(storage)
    again.load(ladder(again).set_plans)
    assert (again.ver, again.number("hb"), again.times()) == (3, 300, {"cycles": 2})
    assert again.plans() == {"sos": [["值班台", "01055500001", 30, 1]]}
    assert again.number("vol") == SHIPPED["vol"]


def test_a_plan_that_ends_at_nobody_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    """Not even the parts that were good."""
    config = Config(Storage(str(tmp_path)))
    bad = GOOD | {"plan": {"sos": [["女儿", "13800000001", 30, 0]]}}
    assert config.apply(decoded(bad), ladder(config).set_plans) == "plan"
    assert config.fields == SHIPPED


def test_a_damaged_or_foreign_file_leaves_the_shipped_plan(tmp_path: Path) -> None:
    """Whatever stands in it."""
    storage = Storage(str(tmp_path))
    for stored in ([1], {"ver": 3}, GOOD | {"hb": 1}, GOOD | {"plan": {}}, "x", None):
        storage.write("config", stored)
        config = Config(storage)
        config.load(ladder(config).set_plans)
        assert config.fields == SHIPPED, stored
