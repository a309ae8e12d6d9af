"""What a simulated terminal answers to a command of the cloud. Pure."""

from __future__ import annotations

from typing import Any


def answer(fields: dict[str, Any], now: float, *, in_alarm: bool, vals: list[list[Any]]) -> dict[str, Any]:
    """Fields of the result. `vals`: what it has to report."""
    do = fields["do"]
    if fields["exp"] <= now:
        return {"st": "expired"}
    if do == "ota":
        return {"st": "unknown", "why": "simulated"}
    if do == "report":
        return {"st": "done", "vals": vals}
    if in_alarm:
        return {"st": "refused", "why": "in an alarm"}
    if do == "selftest":
        return {"st": "done", "vals": [["failed", 0], ["untested", 0]]}
    return {"st": "done"}
