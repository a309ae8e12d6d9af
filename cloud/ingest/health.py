"""Whether a process of the front door is healthy. In: how its lanes stand. Out: the reasons why not. Pure.

Not healthy is no reason to restart it: it waits for a broker or a database with what it holds, and loses nothing. It is
a reason to tell people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

QUIET_S = 15.0  # three beats of pulse.py, and half of what makes a gap
LOOK_S = 10.0  # a look at the lease takes 5 s at most, and is tried again at once


def wrong(*, held: bool, looked_s: float | None, present: Mapping[str, float]) -> list[str]:
    """Of one lane; empty: it works, or stands by to follow. `looked_s`: since the last answer on the lease."""
    found = []
    if looked_s is None or looked_s > LOOK_S:
        found.append("no word of the lease from the database")
    if not held:
        return found
    if not present.get("connected"):
        found.append("not connected to the broker")
    if present.get("beaten_s", QUIET_S + 1) > QUIET_S:
        found.append("no beat was committed lately")
    if present.get("lag_s", 0.0) > QUIET_S:
        found.append("what arrived is not committed")
    return found
