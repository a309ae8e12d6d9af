"""`onekey device config` as a worker types it; what a terminal makes of it is in `tests/flow/test_settings.py`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from typer.testing import CliRunner

from cloud import clock
from cloud.devices import actions, store
from cloud.devices.models import DeviceState
from cloud.sealed import Box
from tools.device import app
from tools.device.firstaid import NO_ANSWER_EXIT, NOT_DONE_EXIT

if TYPE_CHECKING:
    from typer.testing import Result

DEVICE, KEY = "BJCY000001", "5e" * 32
PLAN = {"sos": [["服务热线", "01055500001", 30, 1]]}
BY = ("--by", "王维修", "--wait", "0")


def onekey(*words: str) -> Result:
    return CliRunner().invoke(app, ["config", DEVICE, *words])


@pytest.fixture
async def office(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A terminal that runs its configuration."""
    box, now = Box(bytes.fromhex(KEY)), clock.now() - timedelta(minutes=5)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await actions.register(conn, box, DEVICE, None, now)
        await store.save_state(
            conn, DeviceState(device_id=DEVICE, first_seen_at=now, last_seen_at=now, config_version=3)
        )
        await actions.want_config(conn, box, DEVICE, {"ver": 3, "hb": 600, "plan": PLAN}, now)
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", KEY)
    return database


def test_a_change_is_asked_listed_and_its_refusal_ends_with_another_code(office: str) -> None:
    """Not waiting is said by the exit code; so is the terminal's no, which the next change does not wait for."""
    done = onekey("--set", "heartbeat_s=300", *BY)
    assert (done.exit_code, done.stdout.splitlines()) == (
        NO_ANSWER_EXIT, ["修改配置（第 4 版）：等待设备应答", "心跳间隔：600 秒 → 300 秒"],
    )  # fmt: skip
    shown = json.loads(onekey("--json").stdout)
    assert (shown["runs"], shown["wanted"], shown["settings"]["heartbeat_s"]) == (3, 4, 300)
    assert [each["by"] for each in shown["changes"]] == ["王维修"]
    with psycopg.connect(office) as conn:
        conn.execute("update config_change set result = 'refused', why = 'plan', settled_at = now()")
    assert "设备拒绝" in onekey().stdout
    with psycopg.connect(office) as conn:
        conn.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin"
            " new.result := 'refused'; new.settled_at := now(); return new; end $$"
        )
        conn.execute("create trigger refuse before insert on config_change for each row execute function refuse()")
    assert onekey("--set", "heartbeat_s=120", *BY).exit_code == NOT_DONE_EXIT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "heartbeat_s=1", *BY), "心跳间隔：1 超出范围；应为 60 至 3600 秒"),
        (("--set", "heartbeat_s", *BY), "not name=value"),
        (("--set", "ring_volume=50", "--set", "ring_volume=60", *BY), "a name twice"),
        (("--set", "ring_volume=50", "--from-district", *BY), "two changes"),
        (("--set", "ring_volume=50"), "请填写操作人"),
        (("--from-district", *BY), "相同"),
    ],
)
def test_a_slip_is_told_and_changes_nothing(office: str, words: tuple[str, ...], said: str) -> None:
    """One line on standard error and exit code 2."""
    done = onekey(*words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert json.loads(onekey("--json").stdout)["wanted"] == 3
