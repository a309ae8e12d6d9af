"""The scenes as a terminal with the real firmware and a modem shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.story.lines import SilenceError
from tools.story.once import SCENE_S, Story
from tools.story.system import DESK_NUMBER, DEVICE, READY_S
from tools.story.terminal import Terminal

if TYPE_CHECKING:
    from tools.story.keylog import Pressed

TRUE_TIME_S = 2  # a press reported late must carry its own time to within the second it is sent in, and one of skew


class FirmwareStory(Story[Terminal]):
    """What the elder sees comes from the firmware's lines, who was dialled from the modem's."""

    def boot(self) -> None:
        """The terminal registers, connects, and its first heartbeat is in the database."""
        self.terminal.note("registered", READY_S)
        self.terminal.note("connected", READY_S)
        self.watch.until("select 1 from heartbeat where device_id = %s", (DEVICE,), SCENE_S, "a heartbeat")

    def sos(self) -> None:
        """Pressed, routed, dialled twice, talked, accepted by a person at the desk, hung up."""
        terminal = self.terminal
        pressed = terminal.press("sos", 1200)
        fired = terminal.note("press", SCENE_S, pressed.mark, key="sos")
        self.main_ref = str(fired.data["id"])
        routed = terminal.note("route", SCENE_S, pressed.mark, ref=self.main_ref)
        dialled = terminal.modem_event("dial", SCENE_S, pressed.modem_mark)
        self.figures["to_commit_ms"] = (self.watch.committed(self.main_ref, SCENE_S) - fired.at) * 1000
        self.figures["to_route_ms"] = (routed.at - fired.at) * 1000
        self.figures["to_dial_ms"] = (dialled.at - fired.at) * 1000
        terminal.modem_event("active", SCENE_S, pressed.modem_mark)
        terminal.lamp("talking", SCENE_S, pressed.mark)
        self.accept(self.main_ref)
        terminal.note("ended", SCENE_S, pressed.mark, step="end")
        terminal.lamp("accepted", SCENE_S, pressed.mark)
        self.dialled = terminal.dialled(pressed.modem_mark)
        self.settle(pressed)

    def in_flight(self) -> tuple[Pressed, str]:
        """The station's key, and the id that its press was given."""
        pressed = self.terminal.press("k1", 300)
        return pressed, str(self.terminal.note("press", SCENE_S, pressed.mark, key="k1").data["id"])

    def no_data(self) -> None:
        """Pressed without data: dialled from the stored plan at once, recorded later with its true time."""
        terminal = self.terminal
        terminal.tell(f"number {DESK_NUMBER} answer after=2 talk=12")
        mark = terminal.lines.mark()
        terminal.tell("data off")
        terminal.note("disconnected", SCENE_S, mark)
        pressed = terminal.press("sos", 1200)
        fired = terminal.note("press", SCENE_S, pressed.mark, key="sos")
        dialled = terminal.modem_event("dial", SCENE_S, pressed.modem_mark)
        self.figures["to_dial_without_data_ms"] = (dialled.at - fired.at) * 1000
        terminal.note("ended", SCENE_S, pressed.mark, step="end")
        terminal.tell("data on")
        press_id = fired.data["id"]
        self.watch.committed(press_id, SCENE_S)
        happened = self.watch.value("select extract(epoch from happened_at) from message where id = %s", press_id)
        off_s = abs(float(happened) - fired.at)
        if off_s > TRUE_TIME_S:
            raise SilenceError(f"the late press was stored {off_s:.1f} s away from its true time")
        self.figures["true_time_error_ms"] = off_s * 1000
        self.settle(pressed)

    def settle(self, pressed: Pressed) -> None:
        """Until the alarm of a press is over and every message so far is receipted."""
        self.terminal.note("done", SCENE_S, pressed.mark)
        self.watch.until_true(lambda: not self.outstanding(), SCENE_S, "every receipt")

    def outstanding(self) -> int:
        """Messages that the terminal still holds, as it said last."""
        return self.terminal.outstanding()

    def identity(self) -> dict[str, Any]:
        """As the firmware introduced itself."""
        boot = self.terminal.note("boot", SCENE_S).data
        return {"device_id": DEVICE, "runtime": boot["runtime"], "firmware": boot["firmware"]}
