"""Settings changed from afar: checked, sent at once, answered once, the ladders untouched; and told in sentences."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud import flow
from cloud.devices import actions, configs, store, tune
from cloud.devices.models import DeviceState, Received
from cloud.errors import AppError, BadInput, Conflict, NotFound
from cloud.sealed import Box
from cloud.settings import Settings
from firmware.app.config import SHIPPED, Config
from firmware.app.storage import Storage
from firmware.core import limits
from firmware.core.ladder import Ladder
from protocol import messages
from protocol.fields import DOWN
from tests.flow.parts import until

if TYPE_CHECKING:
    from pathlib import Path

    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
DEVICE, OTHER = "BJCY000001", "BJCY000002"
WORKER = "王维修"
SETTINGS = Settings(database_url="postgresql:///", data_key="6b" * 32, hotline_number="01055500001")
PLAN = {
    "sos": [["服务热线", "01055500001", 30, 1], ["女儿", "13800000001", 25, 0], ["服务热线", "01055500001", 30, 1]],
    "k1": [["社区驿站", "01055500002", 30, 0], ["服务热线", "01055500003", 30, 1]],
}
OWN = {"ver": 3, "hb": 600, "plan": PLAN, "vol": 80, "who": "示例路3号楼", "times": {"cycles": 3, "sos_hold": 800}}
DISTRICT = {"ver": 2, "hb": 900, "plan": {"sos": [["服务热线", "01055500001", 30, 1]]}, "ring": 70}


@pytest.fixture
async def fleet(conn: Conn) -> Conn:
    """A terminal that runs its own configuration, one that has none at all, and the district's."""
    for device_id, version in ((DEVICE, 3), (OTHER, 0)):
        await actions.register(conn, BOX, device_id, None, NOW)
        state = DeviceState(device_id=device_id, first_seen_at=NOW, last_seen_at=NOW, config_version=version)
        await store.save_state(conn, state)
    await actions.want_config(conn, BOX, DEVICE, OWN, NOW)
    await conn.execute(
        "insert into device_config (version, body_sealed, heartbeat_s, created_at) values (2, %s, 900, %s)",
        [BOX.seal_bytes(messages.encode("down", "config", DISTRICT)), NOW],
    )
    return conn


def event(ev: str, val: int | None, txt: str | None = None, *, device: str = DEVICE, late_s: float = 1.0) -> Received:
    """What ingest hands on."""
    fields: dict[str, object] = {"id": "0badcafe.1.7", "t": None, "u": 1, "s": 1, "ev": ev, "val": val, "txt": txt}
    return Received(
        device_id=device, id="0badcafe.1.7", kind="event",
        body=messages.decode("up", "event", messages.encode("up", "event", fields)),
        happened_at=NOW, dating="clock", day=date(2026, 3, 31), received_at=NOW + timedelta(seconds=9), late_s=late_s,
    )  # fmt: skip


async def sent(conn: Conn) -> list[dict[str, Any]]:
    cursor = await conn.execute("select body_sealed, of_id from down where kind = 'config' order by down_id")
    found = []
    for sealed, of_id in await cursor.fetchall():
        body = messages.decode("down", "config", BOX.open_bytes(sealed))
        assert of_id == str(body["ver"])
        found.append({name: value for name, value in body.items() if value is not None and name != "v"})
    return found


async def test_a_change_leaves_at_once_as_a_whole_configuration_with_everything_else_untouched(fleet: Conn) -> None:
    """The ladders to the letter, the times that were not named too; and it is what is wanted from now on."""
    change_id = await configs.ask(fleet, BOX, DEVICE, {"heartbeat_s": "300", "sos_hold_ms": "950"}, WORKER, NOW)
    assert await sent(fleet) == [OWN | {"ver": 4, "hb": 300, "times": {"cycles": 3, "sos_hold": 950}}]
    assert await store.wanted_config(fleet, DEVICE) == 4
    assert await store.config_heartbeat(fleet, DEVICE, 4) == 300
    found = await configs.one(fleet, BOX, change_id)
    assert (found.asked_by, found.version, found.asked_at) == (WORKER, 4, NOW)
    assert found.change == {"heartbeat_s": [600, 300], "sos_hold_ms": [800, 950]}
    assert tune.told(found, NOW) == [
        "修改配置（第 4 版）：等待设备应答", "心跳间隔：600 秒 → 300 秒", "红键按住时长：800 毫秒 → 950 毫秒",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"heartbeat_s": "59"}, "心跳间隔：59 超出范围；应为 60 至 3600 秒"),
        ({"speaker_volume": "-1"}, "扬声器音量：-1 超出范围；应为 20 至 100 %"),
        ({"ring_volume": "大"}, "铃声与提示音音量：“大”不是整数；应为 10 至 100 %"),
        ({"plan": "{}"}, "不能远程修改“plan”"),
        ({"em112": "1"}, "不能远程修改“em112”"),
        ({"callers": "13800000001"}, "允许的来电：只能选"),
        ({}, "没有要修改的设置"),
    ],
)
async def test_what_cannot_be_is_said_with_field_value_and_bounds(
    fleet: Conn, values: dict[str, str], said: str
) -> None:
    """And nothing is stored or sent; nothing that is not on the list can be named."""
    with pytest.raises(BadInput) as refused:
        await configs.ask(fleet, BOX, DEVICE, values, WORKER, NOW)
    assert said in refused.value.message
    assert await sent(fleet) == []
    assert await store.wanted_config(fleet, DEVICE) == 3


async def test_who_cannot_be_asked_is_refused(fleet: Conn) -> None:
    """Unknown, without a configuration, revoked, by nobody, or with what it has already."""
    wrong: list[tuple[str, dict[str, str], str, type[AppError]]] = [
        ("BJCY000009", {"ring_volume": "50"}, WORKER, NotFound),
        (OTHER, {"ring_volume": "50"}, WORKER, Conflict),
        (DEVICE, {"ring_volume": "50"}, " ", BadInput),
        (DEVICE, {"heartbeat_s": "600"}, WORKER, Conflict),
    ]
    for device_id, values, by, error in wrong:
        with pytest.raises(error):
            await configs.ask(fleet, BOX, device_id, values, by, NOW)
    await actions.revoke(fleet, DEVICE, NOW)
    with pytest.raises(Conflict):
        await configs.ask(fleet, BOX, DEVICE, {"ring_volume": "50"}, WORKER, NOW)
    assert await sent(fleet) == []


async def test_a_configuration_without_a_desk_is_not_sent_on(fleet: Conn) -> None:
    """Whoever made it so: the red key must end at somebody who always answers."""
    bare = OWN | {"ver": 5, "plan": {"sos": [["女儿", "13800000001", 25, 0]]}}
    await actions.want_config(fleet, BOX, DEVICE, bare, NOW)
    with pytest.raises(Conflict, match="坐席"):
        await configs.ask(fleet, BOX, DEVICE, {"ring_volume": "50"}, WORKER, NOW)
    assert await sent(fleet) == []


async def test_one_change_at_a_time_until_the_terminal_answers(fleet: Conn) -> None:
    """Its event, a heartbeat that reports the version, or half an hour end it."""
    first = await configs.ask(fleet, BOX, DEVICE, {"ring_volume": "50"}, WORKER, NOW)
    for again in (configs.ask(fleet, BOX, DEVICE, {"ring_volume": "60"}, WORKER, NOW),
                  configs.back_to_district(fleet, BOX, DEVICE, WORKER, NOW)):  # fmt: skip
        with pytest.raises(Conflict, match="等待设备应答"):
            await again
    await configs.heard(fleet, event("config_applied", 4, device=OTHER))
    await configs.heard(fleet, event("config_applied", 3))
    assert (await configs.one(fleet, BOX, first)).result is None
    await configs.heard(fleet, event("config_refused", 4, "plan"))
    await configs.heard(fleet, event("config_applied", 4))
    found = await configs.one(fleet, BOX, first)
    assert tune.told(found, NOW)[0::2] == [
        "修改配置（第 4 版）：设备拒绝",
        "原因：设备不接受其中的呼叫顺序；设备仍用原来的配置",
    ]
    second = await configs.ask(fleet, BOX, DEVICE, {"ring_volume": "60"}, WORKER, NOW)
    await fleet.execute("update device_state set config_version = 5 where device_id = %s", [DEVICE])
    assert tune.stands(await configs.one(fleet, BOX, second), NOW) == "applied"
    third = await configs.ask(fleet, BOX, DEVICE, {"ring_volume": "70"}, WORKER, NOW)
    later = NOW + timedelta(minutes=30)
    assert tune.stands(await configs.one(fleet, BOX, third), later) == "unanswered"
    await configs.ask(fleet, BOX, DEVICE, {"ring_volume": "75"}, WORKER, later)
    assert [tune.stands(each, later) for each in await configs.of_device(fleet, BOX, DEVICE)] == [
        "waiting", "replaced", "applied", "refused",
    ]  # fmt: skip


async def test_of_two_who_change_at_once_the_second_finds_the_first(database: str) -> None:
    """It waits until the other is committed; two bodies under one number would be one that never arrives."""
    async with (
        await psycopg.AsyncConnection.connect(database) as first,
        await psycopg.AsyncConnection.connect(database) as second,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as watch,
    ):
        await actions.register(first, BOX, DEVICE, None, NOW)
        state = DeviceState(device_id=DEVICE, first_seen_at=NOW, last_seen_at=NOW, config_version=3)
        await store.save_state(first, state)
        await actions.want_config(first, BOX, DEVICE, OWN, NOW)
        await first.commit()
        await configs.ask(first, BOX, DEVICE, {"ring_volume": "50"}, WORKER, NOW)
        other = asyncio.ensure_future(configs.ask(second, BOX, DEVICE, {"ring_volume": "60"}, "李班长", NOW))

        async def waits() -> bool:
            cursor = await watch.execute(
                "select exists (select from pg_stat_activity where pid = %s and wait_event_type = 'Lock')",
                [second.info.backend_pid],
            )
            return bool((await cursor.fetchall())[0][0])

        await until(waits, "the second one waits")
        assert not other.done()
        await first.commit()
        with pytest.raises(Conflict, match="等待设备应答"):
            await other
        assert [body["ring"] for body in await sent(watch)] == [50]


async def test_the_terminals_word_counts_for_its_heartbeat_at_once(fleet: Conn) -> None:
    """A slower beat that is missed by the old interval would be a false silence; a late word says nothing about now."""
    await configs.ask(fleet, BOX, DEVICE, {"heartbeat_s": "3600"}, WORKER, NOW)
    await flow.on_message(fleet, BOX, SETTINGS, event("config_applied", 4, late_s=9_000))
    assert (await known(fleet)).config_version == 3
    await flow.on_message(fleet, BOX, SETTINGS, event("config_applied", 4))
    assert ((await known(fleet)).config_version, (await known(fleet)).heartbeat_s) == (4, 3600)
    assert [each.result for each in await configs.of_device(fleet, BOX, DEVICE)] == ["applied"]


async def known(conn: Conn) -> DeviceState:
    state = await store.get_state(conn, DEVICE)
    assert state is not None
    return state


async def test_back_to_the_district_takes_its_settings_and_keeps_what_is_the_households(fleet: Conn) -> None:
    """Ladders, name of the home and other times stay; what the district leaves out is as shipped."""
    await configs.back_to_district(fleet, BOX, DEVICE, WORKER, NOW)
    assert await sent(fleet) == [
        {"ver": 4, "hb": 900, "plan": PLAN, "ring": 70, "who": "示例路3号楼", "times": {"cycles": 3}}
    ]
    await configs.heard(fleet, event("config_applied", 4))
    with pytest.raises(Conflict, match="相同"):
        await configs.back_to_district(fleet, BOX, DEVICE, WORKER, NOW)


async def test_callers_come_from_the_registry_and_their_numbers_are_sealed_and_not_told(fleet: Conn) -> None:
    """The desk is always among them, or nobody could call back."""
    with pytest.raises(Conflict, match="没有登记住户"):
        await configs.ask(fleet, BOX, DEVICE, {"callers": "contacts"}, WORKER, NOW)
    home = "5f2c7a10-9d3e-4b61-8a44-0c1d2e3f4a5b"
    await fleet.execute("insert into home values (%s, '110102007', '示例社区', '\\x00', false, %s)", [home, NOW])
    await fleet.execute(
        "insert into installation values (gen_random_uuid(), %s, %s, '2026-03-01', null)", [DEVICE, home]
    )
    for place, (label, number) in enumerate((("女儿", "13800000001"), ("邻居", "13600000009")), start=1):
        await fleet.execute(
            "insert into contact (home_id, position, label, number_sealed) values (%s, %s, %s, %s)",
            [home, place, label, BOX.seal(number)],
        )
    change_id = await configs.ask(fleet, BOX, DEVICE, {"callers": "contacts"}, WORKER, NOW)
    ((message),) = await sent(fleet)
    assert message["allow"] == ["01055500001", "01055500003", "13800000001", "13600000009"]
    found = await configs.one(fleet, BOX, change_id)
    assert tune.told(found, NOW)[1] == "允许的来电：0 个号码 → 4 个号码"
    ((sealed,),) = await (await fleet.execute("select change_sealed from config_change")).fetchall()
    assert b"13800000001" not in sealed
    assert json.loads(BOX.open_bytes(sealed)) == {"callers": [[], message["allow"]]}


async def test_what_runs_what_is_wanted_and_what_differs_is_said(fleet: Conn) -> None:
    """Also for a terminal that nobody has configured."""
    await fleet.execute("update device_state set config_version = 0 where device_id = %s", [DEVICE])
    assert tune.described(await configs.standing(fleet, BOX, DEVICE)) == [
        "设备在用第 0 版配置（出厂设置）。", "平台要求第 3 版，尚未生效。", "扬声器音量：在用 90%，要求 80%。",
        "红键按住时长：在用 700 毫秒，要求 800 毫秒。", "呼叫顺序也不同。",
        ("与区级配置不同：心跳间隔 600 秒（区级 900 秒）、扬声器音量 80%（区级 90%）、"
         "铃声与提示音音量 80%（区级 70%）、红键按住时长 800 毫秒（区级 700 毫秒）。"),
    ]  # fmt: skip
    assert tune.described(await configs.standing(fleet, BOX, OTHER)) == [
        "设备在用第 0 版配置（出厂设置）。", "平台没有为它准备配置。",
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await configs.standing(fleet, BOX, "BJCY000009")


def test_bounds_and_shipped_values_are_the_terminals_own() -> None:
    """Or closer than the firmware's and the wire's: nothing is promised that the terminal would bend or refuse."""
    wire = {row[0]: (row[3], row[4]) for row in DOWN["config"]}
    for setting in tune.SETTINGS:
        own: tuple[object, ...] = limits.TABLE[setting.field] if setting.time else ()
        shipped, low, high = own or (SHIPPED[setting.field], *wire[setting.field])
        assert setting.shipped == shipped
        assert int(str(low)) <= setting.least <= setting.shipped <= setting.most <= int(str(high))


@given(st.fixed_dictionaries({}, optional={s.name: st.integers(s.least, s.most) for s in tune.SETTINGS}), st.booleans())
def test_the_real_firmware_takes_what_may_be_asked_and_runs_it(
    tmp_path_factory: pytest.TempPathFactory, numbers: dict[str, int], callers: bool
) -> None:
    """Whatever combination: applied, the red key's ladder as it was, each value in force."""
    folder: Path = tmp_path_factory.mktemp("state")
    config = Config(Storage(str(folder)))
    ladder = Ladder(config.plans(), config.ver, config.times())
    after = tune.changed(OWN, numbers, tune.staffed_numbers(OWN) if callers else None, 9)
    assert tune.desk_is_kept(OWN, after)
    assert set(tune.difference(OWN, after)) <= {*numbers, "callers"}
    body = messages.decode("down", "config", messages.encode("down", "config", after))
    assert config.apply(body, ladder.set_plans) == ""
    assert config.plans() == PLAN
    for name, number in numbers.items():
        setting = tune.BY_NAME[name]
        assert number == (limits.limit(config.times(), setting.field) if setting.time else config.number(setting.field))
