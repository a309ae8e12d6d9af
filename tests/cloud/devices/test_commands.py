"""First aid from afar: asked once, answered once, by its own terminal, and explained in sentences."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.devices import actions, aid, commands, store
from cloud.devices.models import DeviceState, Received
from cloud.errors import BadInput, Conflict, NotFound
from cloud.sealed import Box
from cloud.web.words import FAULTS
from protocol import codes, messages

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
DEVICE, OTHER = "BJCY000001", "BJCY000002"
WORKER = "王维修"


@pytest.fixture
async def fleet(conn: Conn) -> Conn:
    """Two terminals that were heard of, one with faults."""
    for device_id, faults in ((DEVICE, ["data_lost", "key_stuck"]), (OTHER, [])):
        await actions.register(conn, BOX, device_id, None, NOW)
        state = DeviceState(device_id=device_id, first_seen_at=NOW, last_seen_at=NOW, open_faults=faults)
        await store.save_state(conn, state)
    return conn


def result(device_id: str, cid: str, st: str = "done", why: str | None = None, **vals: int) -> Received:
    """What ingest hands on."""
    body: dict[str, Any] = {"cid": cid, "st": st, "why": why, "vals": [[name, value] for name, value in vals.items()]}
    return Received(
        device_id=device_id, id="0badcafe.1.1", kind="result", body=body, happened_at=NOW, dating="clock",
        day=date(2026, 3, 31), received_at=NOW + timedelta(seconds=9), late_s=0.0,
    )  # fmt: skip


async def test_a_command_leaves_as_a_message_down_that_expires_with_it(fleet: Conn) -> None:
    """Sealed, as everything down that is no receipt."""
    cid = await commands.ask(fleet, BOX, DEVICE, "selftest", WORKER, NOW)
    ((sealed, of_id, expires_at),) = await (
        await fleet.execute("select body_sealed, of_id, expires_at from down where kind = 'cmd'")
    ).fetchall()
    body = messages.decode("down", "cmd", BOX.open_bytes(sealed))
    assert (body["cid"], body["do"], of_id) == (cid, "selftest", cid)
    assert body["exp"] == int(expires_at.timestamp()) == int((NOW + commands.VALID).timestamp())


async def test_the_same_is_not_asked_twice_while_it_is_under_way(fleet: Conn) -> None:
    """Answered or expired it may be asked again; something else, or another terminal, at any time."""
    cid = await commands.ask(fleet, BOX, DEVICE, "reboot", WORKER, NOW)
    with pytest.raises(Conflict):
        await commands.ask(fleet, BOX, DEVICE, "reboot", "李班长", NOW + timedelta(seconds=1))
    await commands.ask(fleet, BOX, DEVICE, "report", WORKER, NOW)
    await commands.ask(fleet, BOX, OTHER, "reboot", WORKER, NOW)
    await commands.heard(fleet, result(DEVICE, cid))
    await commands.ask(fleet, BOX, DEVICE, "reboot", WORKER, NOW + timedelta(seconds=10))
    await commands.ask(fleet, BOX, DEVICE, "reboot", WORKER, NOW + timedelta(seconds=11) + commands.VALID)


async def test_what_cannot_be_asked_is_refused_and_leaves_nothing(fleet: Conn) -> None:
    """Unknown, never heard of, retired, revoked; by nobody; something else."""
    await actions.register(fleet, BOX, "BJCY000003", None, NOW)
    wrong: list[tuple[str, str, str, type[Exception]]] = [
        ("BJCY000009", "report", WORKER, NotFound),
        ("BJCY000003", "report", WORKER, Conflict),
        (DEVICE, "report", "  ", BadInput),
        (DEVICE, "report", "长" * 65, BadInput),
        (DEVICE, "ota", WORKER, BadInput),
        (DEVICE, "callback", WORKER, BadInput),
    ]
    await store.set_status(fleet, OTHER, "retired")
    wrong.append((OTHER, "report", WORKER, Conflict))
    for device_id, what, by, error in wrong:
        with pytest.raises(error):
            await commands.ask(fleet, BOX, device_id, what, by, NOW)
    await actions.revoke(fleet, DEVICE, NOW)
    with pytest.raises(Conflict):
        await commands.ask(fleet, BOX, DEVICE, "report", WORKER, NOW)
    for table in ("device_command", "down"):
        ((count,),) = await (await fleet.execute(f"select count(*) from {table}".encode())).fetchall()
        assert count == 0


async def test_only_its_own_terminal_answers_a_command_and_only_once(fleet: Conn) -> None:
    """Another one's word, a second word and a word on nothing of ours change nothing."""
    cid = await commands.ask(fleet, BOX, DEVICE, "selftest", WORKER, NOW)
    await commands.heard(fleet, result(OTHER, cid, "failed"))
    await commands.heard(fleet, result(DEVICE, "c1", "failed"))
    assert (await commands.one(fleet, cid)).result is None
    await commands.heard(fleet, result(DEVICE, cid, failed=0, csq=17))
    await commands.heard(fleet, result(DEVICE, cid, "failed", "fault in the firmware"))
    found = await commands.one(fleet, cid)
    assert (found.result, found.why, found.figures) == ("done", None, {"failed": 0, "csq": 17})
    assert found.answered_at == NOW + timedelta(seconds=9)
    with pytest.raises(NotFound):
        await commands.one(fleet, "c1")


async def test_what_it_cured_are_the_faults_that_are_gone_since(fleet: Conn) -> None:
    """Not before it was answered: the terminal may have mended itself."""
    cid = await commands.ask(fleet, BOX, DEVICE, "reboot", WORKER, NOW)
    await fleet.execute(
        "update device_state set open_faults = '{key_stuck,clock_unset}' where device_id = %s", [DEVICE]
    )
    assert aid.cured(await commands.one(fleet, cid)) == []
    await commands.heard(fleet, result(DEVICE, cid))
    found = await commands.one(fleet, cid)
    assert aid.cured(found) == ["data_lost"]
    assert found.faults_now == ["key_stuck", "clock_unset"]
    assert [each.cid for each in await commands.of_device(fleet, DEVICE)] == [cid]
    assert await commands.of_device(fleet, OTHER) == []


def answered(do_what: str, st: str | None, why: str | None = None, **figures: int) -> aid.Command:
    return aid.Command(
        cid="c", device_id=DEVICE, do_what=do_what, asked_by=WORKER, asked_at=NOW,
        expires_at=NOW + commands.VALID, faults=[], faults_now=[], answered_at=None if st is None else NOW,
        result=st, why=why, figures=figures,
    )  # fmt: skip


def test_an_answer_is_told_in_sentences_that_a_worker_understands() -> None:
    """Bit masks become parts and keys."""
    failed = answered("selftest", "failed", failed=0b1000001, untested=0b100, unpressed=0b10000000011)
    assert aid.told(failed, NOW) == [
        "自检：未通过", "故障部件：通信模块、麦克风", "本次未测：电话网络", "安装后从未按过：红键、1号键、取消键",
    ]  # fmt: skip
    assert aid.told(answered("selftest", "done", failed=0), NOW) == ["自检：已完成"]
    assert aid.told(answered("report", "done", open=2, drops=0), NOW) == ["上报状态：已完成", "未恢复的故障：2"]
    assert aid.told(answered("report", "done", open=0), NOW) == ["上报状态：已完成", "各项正常"]
    refused = aid.told(answered("reboot", "refused", "in a call or alarm"), NOW)
    assert refused == ["重启：设备拒绝", "原因：正在通话或呼救"]
    assert aid.told(answered("reboot", None), NOW) == ["重启：等待设备应答"]
    late = aid.told(answered("reboot", None), NOW + commands.VALID)
    assert late[0] == "重启：设备未应答"
    assert "致电" in late[1]


def test_there_is_a_word_for_everything_that_a_terminal_can_say() -> None:
    """Also for what a later firmware adds to the lists."""
    assert set(aid.PARTS) == set(codes.SELFTEST_PARTS)
    assert set(aid.KEYS) == set(codes.KEYS)
    assert set(codes.RESULTS) <= set(aid.STANDS)
    assert set(aid.DONE_FROM_AFAR) <= set(codes.COMMANDS)
    assert {fault for fault, _ in codes.FAULTS} == set(FAULTS)
