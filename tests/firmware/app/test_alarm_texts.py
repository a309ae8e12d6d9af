"""Short messages from the ladder to the modem and back, over a modem in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.core.words import ucs2_hex
from tests.firmware.app.bench import Live, build, waiting
from tests.firmware.modem.peer import end, keep, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DESK, HER = "01055500001", "13800000002"
CONFIG = {
    "ver": 1,
    "hb": 600,
    "plan": {"sos": [["值班台", DESK, 30, 1]]},
    "times": {"cycles": 1},
    "sms": [HER],
    "who": "示例路3号楼",
}


class Texting(Live):
    """With the task that sends; the network takes messages unless a test says otherwise."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        assert self.terminal.config.apply(CONFIG, self.terminal.ladder.set_plans) == ""
        self.alarm.configure()
        self.terminal.sms.untidy = False
        self.peer.answers[f'AT+CMGS="{ucs2_hex(HER)}"'] = "\r\n> "
        self.tasks.append(asyncio.create_task(keep(self.terminal.texts.run)))

    async def nobody(self) -> None:
        """The desk is called and does not answer: the whole ladder."""
        self.fire("sos")
        await settle(lambda: self.dials() == [DESK])
        self.peer.say("\r\nBUSY\r\n")

    def texts(self) -> list[bytes]:
        return [data for data in self.peer.told if data.endswith(b"\x1a")]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Texting]:
    one = Texting(tmp_path)
    try:
        yield one
    finally:
        await one.close()


async def test_the_order_is_stored_as_spent_before_the_message_goes_out(live: Texting, tmp_path: Path) -> None:
    """So that a reset in the middle sends it to nobody twice."""
    live.board.nvs.remove("alarm")
    await live.nobody()
    await settle(lambda: live.texts() != [])
    assert live.texts()[0].startswith(ucs2_hex("【一键呼】示例路3号楼按下紧急键，尚无人受理").encode())
    after = Texting(tmp_path)
    try:
        after.alarm.before.left = after.alarm.kept.load()
        assert after.alarm.before.left is not None
        after.alarm.before.take_up(False)
        for _ in range(30):
            after.alarm.act(after.terminal.ladder.tick(after.board.now()))
        await asyncio.sleep(0.3)
        assert after.texts() == []
    finally:
        await after.close()


async def test_the_cloud_is_told_once_with_label_and_press(live: Texting) -> None:
    """Whom it reached, and for which press."""
    await live.nobody()
    await settle(lambda: live.texts() != [])
    live.peer.say("\r\n+CMGS: 1\r\n\r\nOK\r\n")
    await settle(lambda: live.terminal.ladder._alarm is not None and not live.terminal.ladder._alarm.texts.pending)
    ref = live.terminal.ladder.ref
    told = [fields for kind, fields in waiting(live.terminal) if kind == "event" and fields["ev"] == "sms_sent"]
    assert [(fields["txt"], fields["val"], fields["ref"]) for fields in told] == [("短信1", 1, ref)]


async def test_a_cancel_withdraws_a_message_that_has_not_begun(tmp_path: Path) -> None:
    """Nobody needs to be frightened any more."""
    terminal = build(Live(tmp_path).board)
    terminal.texts.give(1, HER, {"key": "sos", "wave": 1, "ref": "x"}, None)
    terminal.alarm.act([("done", "cancelled")])
    running = asyncio.create_task(keep(terminal.texts.run))
    await asyncio.sleep(0.05)
    await end(running)
    assert terminal.sms.counts == {"sent": 0, "failed": 0, "arrived": 0}


async def test_the_card_is_emptied_when_nobody_is_being_called(live: Texting) -> None:
    """Not in an alarm: on one channel it would stand in the way of a dial."""
    await live.nobody()
    await settle(lambda: live.texts() != [])
    live.peer.say('\r\n+CMS ERROR: 500\r\n\r\n+CMTI: "SM",1\r\n')
    await settle(lambda: live.terminal.sms.untidy)
    await asyncio.sleep(0.2)
    assert "AT+CMGD=1,4" not in live.peer.commands()
    live.fire("cancel")
    await settle(lambda: not live.terminal.ladder.running)
    live.terminal.texts._wake.set()
    await settle(lambda: "AT+CMGD=1,4" in live.peer.commands())
