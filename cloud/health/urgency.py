"""Who first. Pure: what was found, of whom, since when; a place in the order of the day's work out.

What counts is the person behind the terminal, not how many findings there are: who could not be heard for a day and
lives alone comes first, then whoever's red key would not work now, then what will fail next, then repairs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

TITLES = ("当日联系老人", "当日恢复呼救", "两日内处理", "例行处理")
UNHEARD = timedelta(hours=24)  # by then something may have happened to the person, not only to the terminal

# With one of these a press does not become a call, or nobody would know.
_NO_CALL = frozenset(
    {
        "silent",
        "never_seen",
        "modem_silent",
        "voice_lost",
        "sim_absent",
        "key_stuck",
        "battery_critical",
        "audio_fault",
        "sim_stopped",
        "sim_voice_off",
    }
)
# A call is still possible, and one more mishap ends that.
_NEXT = frozenset(
    {
        "unsteady", "mains_lost", "battery_absent", "under_voltage", "battery_low", "brownouts", "weak_signal",
        "coverage", "selftest_failed", "sos_unproven", "reboots", "sim_changed", "card_differs", "sim_expiring",
        "link_flapping", "mains_minutes", "power_cycles", "battery_worn", "temperature_low", "repeat_repair",
        "sim_traffic", "sim_lock", "sim_unknown",
    }
)  # fmt: skip


def level(rule: str, since: datetime, now: datetime, *, alone: bool) -> int:
    """A place in TITLES; smaller is sooner."""
    if rule == "silent" and alone and now - since >= UNHEARD:
        return 0
    if rule in _NO_CALL:
        return 1
    return 2 if rule in _NEXT else 3
