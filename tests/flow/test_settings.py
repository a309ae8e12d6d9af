"""Settings changed by command: through sender and broker into the real firmware and back, and its answer in words."""

from __future__ import annotations

import json

from tools.story.once import NETWORK
from tools.story.system import DEVICE, READY_S, System
from tools.story.terminal import Terminal
from tools.story.watch import Watch

WAIT_S = 60.0
SET = ("--set", "ring_volume=55", "--set", "selftest_days=3", "--set", "heartbeat_s=300")


def test_the_real_firmware_takes_changed_settings_and_keeps_its_ladders() -> None:
    """It runs and stores another version at once; the answer names each value; a second change finds the first."""
    with System(0, lambda _text: None) as system:
        system.start_servers()
        system.start_cloud()
        terminal = Terminal(system, NETWORK)
        terminal.start()
        watch = Watch(system.dsn, system.box)
        try:
            terminal.note("config", READY_S, ver=1, ok=True)  # what it is given at its first heartbeat
            watch.until_true(lambda: _runs(watch) == 1, WAIT_S, "the first configuration reported")
            mark = terminal.lines.mark()
            told = json.loads(system.run("device", "config", DEVICE, *SET, "--by", "王维修", "--json"))
            assert (told["stand"], told["by"], told["version"]) == ("applied", "王维修", 2)
            assert set(told["lines"][1:]) == {
                "心跳间隔：600 秒 → 300 秒", "铃声与提示音音量：80% → 55%", "自检周期：7 天 → 3 天",
            }  # fmt: skip
            terminal.note("config", WAIT_S, mark, ver=2, ok=True)
            assert _runs(watch) == 2
            assert watch.value("select heartbeat_s from device_state where device_id = %s", DEVICE) == 300
            shown = system.run("device", "config", DEVICE)
            assert "设备在用第 2 版配置。\n与平台要求的一致。" in shown
            assert "王维修" in shown
            stored = (terminal.folder / "state" / "config.a").read_bytes()
            assert b'"ring":55' in stored.replace(b" ", b"")
        finally:
            watch.close()


def _runs(watch: Watch) -> int | None:
    found: int | None = watch.value("select config_version from device_state where device_id = %s", DEVICE)
    return found
