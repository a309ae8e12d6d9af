"""What the handlers of the site share: the pool, the box, the feed. Made by app.py, handed to handlers by FastAPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from fastapi import Request

if TYPE_CHECKING:
    from cloud.db import Pool
    from cloud.sealed import Box
    from cloud.tally import Tally
    from cloud.web.feed import Feed


@dataclass(frozen=True)
class Parts:
    """One per worker."""

    pool: Pool
    box: Box
    feed: Feed
    tally: Tally


def parts_of(request: Request) -> Parts:
    """For `Depends`."""
    return cast("Parts", request.app.state.parts)
