"""The only place that asks for the time, and the civil day of the homes.

Out: aware UTC datetimes and Asia/Shanghai dates. Rules take `now` as an argument and never come here for it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def shanghai_day(at: datetime) -> date:
    """The civil day of the homes at a moment. A time without a zone is a mistake of ours."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone has no day")
    return at.astimezone(SHANGHAI).date()
