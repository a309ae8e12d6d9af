"""The only place that asks for the time. Rules take `now` as an argument and never come here for it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)
