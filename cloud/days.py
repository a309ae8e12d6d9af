"""The civil day of the homes, Asia/Shanghai: pure, so that rules may use it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def shanghai_day(at: datetime) -> date:
    """The civil day of the homes at a moment. A time without a zone is a mistake of ours."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone has no day")
    return at.astimezone(SHANGHAI).date()
