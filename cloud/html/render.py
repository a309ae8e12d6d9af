"""One environment for all templates: escaping on, unknown names are errors, times shown as Beijing reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cloud.days import SHANGHAI

if TYPE_CHECKING:
    from datetime import datetime

CLOUD = Path(__file__).resolve().parent.parent
STATIC = Path(__file__).resolve().parent / "static"


def clock_time(at: datetime) -> str:
    """Hours, minutes and seconds in Beijing."""
    return at.astimezone(SHANGHAI).strftime("%H:%M:%S")


def day_time(at: datetime) -> str:
    """Month, day and time in Beijing."""
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M:%S")


def moment(at: datetime) -> str:
    """Year, month, day, hour and minute in Beijing: for what may be long ago."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """Minutes and seconds, or the largest two units of a longer time. live.js counts on in the same words."""
    whole = max(int(seconds), 0)
    if whole < 3600:
        return f"{whole // 60:02d}:{whole % 60:02d}"
    if whole < 86_400:
        return f"{whole // 3600}小时{whole % 3600 // 60:02d}分"
    return f"{whole // 86_400}天{whole % 86_400 // 3600}小时"


def epoch(at: datetime) -> int:
    """Whole seconds since 1970 UTC, for the page's own clock."""
    return int(at.timestamp())


def _environment() -> Environment:
    environment = Environment(
        # Every room keeps its templates beside its pages.
        loader=FileSystemLoader(sorted(CLOUD.glob("*/templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock_time=clock_time, day_time=day_time, duration=duration, epoch=epoch, moment=moment)
    return environment


_ENVIRONMENT = _environment()


def render(template: str, **shown: Any) -> str:
    """One page or fragment."""
    return _ENVIRONMENT.get_template(template).render(shown)
