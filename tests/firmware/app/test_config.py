"""The configuration in force is always whole, and always reaches a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from firmware.app import callback, kept
from firmware.app.config import _COPIES, _NVS_SOS, SHIPPED, Config
from firmware.app.storage import Storage
from firmware.core.ladder import Ladder
from firmware.core.lines import pack
from firmware.hal.base import NVS_BLOB_MAX
from firmware.hal.unix import FileNvs
from firmware.net import dates
from protocol import codes, messages
from protocol.fields import LABEL_CHARS_MAX, LADDER_RUNGS_MAX, NUMBER_CHARS_MAX, RING_S_MAX

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
    """Whatever stands in it, in one copy or in both."""
    storage = Storage(str(tmp_path))
    foreign: list[Any] = [[1], {"ver": 3}, GOOD | {"hb": 1}, GOOD | {"plan": {}}, "x", None]
    for stored in foreign + [{"n": 4, "c": one} for one in foreign] + [{"n": "4", "c": GOOD}]:
        for names in (_COPIES[:1], _COPIES):
            for name in names:
                storage.write(name, stored)
            config = Config(storage)
            config.load(ladder(config).set_plans)
            assert config.fields == SHIPPED, stored


def loaded(tmp_path: Path, nvs: FileNvs | None = None) -> Config:
    """What the next start has."""
    config = Config(Storage(str(tmp_path)), nvs)
    config.load(ladder(config).set_plans)
    return config


def test_each_copy_alone_is_enough(tmp_path: Path) -> None:
    """A lost or damaged one is written again when storage is next looked after."""
    config = loaded(tmp_path)
    for ver in (3, 4):
        assert config.apply(decoded(GOOD | {"ver": ver}), ladder(config).set_plans) == ""
    for name in _COPIES:
        for left in (None, -9, 0):
            whole = (tmp_path / name).read_bytes()
            (tmp_path / name).unlink()
            if left is not None:
                (tmp_path / name).write_bytes(whole[:left])
            again = loaded(tmp_path)
            assert (again.ver, again.unsaved) == (4, True)
            assert again.save()
            assert not loaded(tmp_path).unsaved


def test_the_newest_copy_wins_and_an_invalid_one_does_not(tmp_path: Path) -> None:
    """A copy may be whole and still be of a firmware that knew other rules."""
    storage = Storage(str(tmp_path))
    storage.write(_COPIES[0], {"n": 7, "c": GOOD | {"ver": 5}})
    storage.write(_COPIES[1], {"n": 6, "c": GOOD})
    assert loaded(tmp_path).ver == 5
    storage.write(_COPIES[0], {"n": 7, "c": GOOD | {"ver": 5, "hb": 1}})
    config = loaded(tmp_path)
    assert config.ver == 3
    assert config.apply(decoded(GOOD | {"ver": 6}), ladder(config).set_plans) == ""
    assert loaded(tmp_path).ver == 6


def test_without_any_file_the_red_key_dials_the_districts_desk_and_the_family(tmp_path: Path) -> None:
    """The chip's own storage holds that ladder; the other keys call its desk, and the version says what is missing."""
    nvs = FileNvs(str(tmp_path / "nvs"))
    config = Config(Storage(str(tmp_path)), nvs)
    sos = [["值班台", "01055500001", 30, 1], ["女儿", "13800000001", 25, 0], ["值班台", "01055500001", 30, 1]]
    assert config.apply(decoded(GOOD | {"plan": {"sos": sos}}), ladder(config).set_plans) == ""
    for name in _COPIES:
        (tmp_path / name).unlink()
    left = loaded(tmp_path, nvs)
    assert left.plans()["sos"] == sos
    assert left.plans()["k3"] == [sos[0], sos[2]]
    assert left.ver == 0
    for spoilt in (b"", b"x", pack(None), pack({}), pack([]), pack([["女儿", "13800000001", 25, 0]]), pack([[1]])):
        nvs.set(_NVS_SOS, spoilt)
        assert loaded(tmp_path, nvs).fields == SHIPPED, spoilt


def test_no_two_parts_keep_different_things_under_one_name() -> None:
    """In the chip's own storage there are no folders."""
    names = [_NVS_SOS, callback._NAME, kept._NAME, dates._NAME, "device", "password", "server", "ca0", "ca1"]
    assert len(names) == len(set(names))


def test_the_largest_ladder_fits_the_chips_own_storage() -> None:
    """In UTF-8, as MicroPython writes it."""
    rung = ["𠮷" * LABEL_CHARS_MAX, "+" + "9" * (NUMBER_CHARS_MAX - 1), RING_S_MAX, 1]
    assert len(json.dumps([rung] * LADDER_RUNGS_MAX, ensure_ascii=False).encode()) + 16 < NVS_BLOB_MAX


def test_a_configuration_that_cannot_be_stored_is_in_force_and_stored_later(tmp_path: Path) -> None:
    """Broken storage costs the next start what this one still has."""
    folder = tmp_path / "missing"
    config = Config(Storage(str(folder)))
    assert config.apply(decoded(GOOD), ladder(config).set_plans) == ""
    assert (config.ver, config.unsaved) == (3, True)
    assert not config.save()
    folder.mkdir()
    assert config.save()
    assert loaded(folder).ver == 3


def test_the_same_configuration_again_wears_no_flash(tmp_path: Path) -> None:
    """The cloud sends it whenever it is not sure."""
    config = loaded(tmp_path)
    for _ in range(3):
        assert config.apply(decoded(GOOD), ladder(config).set_plans) == ""
    assert Storage(str(tmp_path)).read(_COPIES[0])["n"] == 1  # type: ignore[index]
