"""When something that was sent down is sent again. In: what it is, how often it was sent, `now`. Out: a time, or never.

Pure. The broker keeps a message for a terminal that is out of reach, so sending again is for what the broker forgot: a
crash, a session that was new. Each costs the terminal bytes on 2G, so there are few.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# Time after each sending; after the last there is none.
AGAIN: Mapping[str, tuple[timedelta, ...]] = MappingProxyType(
    {
        # Of use while the terminal dials its stored plan. Answered by a call by this route.
        "route": (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=30)),
        # The lamp. It has no answer on the wire, so these are sent in any case.
        "desk": (timedelta(seconds=20), timedelta(minutes=1)),
        # Answered by the version that the next heartbeat reports; decided anew each hour.
        "config": (timedelta(minutes=10), timedelta(minutes=25)),
        # Answered by its result.
        "cmd": (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)),
    }
)
ANSWERED = frozenset({"route", "config", "cmd"})  # a terminal that has one of these says so


def again_at(kind: str, sent_before: int, now: datetime, expires_at: datetime | None) -> datetime | None:
    """When this row, sent just now, is looked at again: to be sent, or, at its end, to be found unanswered."""
    gaps = AGAIN.get(kind, ())
    due = now + gaps[sent_before] if sent_before < len(gaps) else None
    if expires_at is None:
        return due
    if due is not None and due < expires_at:
        return due
    return expires_at if kind in ANSWERED else None
