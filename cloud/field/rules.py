"""Whether a terminal may go where a job puts it, which press is the elder's test, which picture is one. Pure.

A refusal is a code; its words for technicians stand in tools/install/texts.py.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.field.models import INSTALL, PHOTO, SIGNATURE, SWAP, Job, Press, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# A technician without network for a holiday week; anything older is a typing mistake until an office says otherwise.
BACKDATED_DAYS_MAX = 31
# Clocks of a notebook and of a terminal that was set by the network.
CLOCK_SKEW = timedelta(minutes=2)
PICTURE_BYTES_MAX = 8_000_000  # a phone's photo is 2 to 6 MB
PICTURE_BYTES_MIN = 64  # less holds no picture
_JPEG_HEAD, _JPEG_TAIL = b"\xff\xd8\xff", b"\xff\xd9"
_PNG_HEAD, _PNG_TAIL = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"

EVIDENCE = {INSTALL: ("press", PHOTO, SIGNATURE, "call_120"), SWAP: ("press", PHOTO, SIGNATURE, "call_120")}
# Fields of a configuration that belong to the people of a home; the others belong to the terminal.
HOUSEHOLD_FIELDS = ("vol", "ring", "allow", "back", "sms", "who", "em112")


def may_enter(terminal: Terminal | None, on: date, *, without_acceptance: bool) -> str | None:
    """Why this terminal must not be put into a home on that day; None: it may."""
    if terminal is None:
        return "unknown_device"
    if terminal.status == "retired" or terminal.revoked:
        return "retired"
    if terminal.status == "reserved":
        return "reserved"
    if terminal.home_id is not None or terminal.status != "stock":
        return "in_a_home"
    if terminal.left_on is not None and on < terminal.left_on - timedelta(days=1):
        return "still_elsewhere"
    return None if without_acceptance else _accepted(terminal)


def _accepted(terminal: Terminal) -> str | None:
    if terminal.passed_at is None:
        return "test_failed" if terminal.tested else "never_tested"
    # What came back from a home may have been dropped there.
    if terminal.left_at is not None and terminal.passed_at < terminal.left_at:
        return "test_again"
    return "trial_image" if terminal.trial else None


def may_leave(terminal: Terminal | None, on: date) -> str | None:
    """Why this terminal cannot be taken out of its home on that day."""
    if terminal is None:
        return "unknown_device"
    if terminal.home_id is None or terminal.installed_on is None:
        return "not_in_a_home"
    return "before_install" if on < terminal.installed_on else None


def may_retire(terminal: Terminal | None) -> str | None:
    """Why this terminal cannot be ended. In a home a key without a credential would call nobody: it leaves first."""
    if terminal is None:
        return "unknown_device"
    if terminal.status == "retired":
        return "retired"
    return "leaves_first" if terminal.home_id is not None else None


def possible_day(on: date, today: date) -> str | None:
    """Why a visit cannot have been on this day."""
    if on > today:
        return "day_ahead"
    return "day_too_old" if (today - on).days > BACKDATED_DAYS_MAX else None


def removed_on(kind: str, on: date) -> date:
    """The first day on which a terminal that left is no longer in its home.

    On the day of a swap both are: either may prove the day, and the day rule pays one of them. On the day of a plain
    removal the household has no terminal at its end, and it is not counted.
    """
    return on + timedelta(days=1) if kind == SWAP else on


def test_press(presses: Iterable[Press], begun_at: datetime) -> Press | None:
    """The first press made after the job began. One that cannot be dated may be an old one: it proves nothing."""
    made = [each for each in presses if each.happened_at is not None and each.happened_at >= begun_at - CLOCK_SKEW]
    return min(made, key=lambda each: (each.received_at, each.id), default=None)


def missing(kind: str, have: Iterable[str]) -> tuple[str, ...]:
    """What a visit of this kind still needs."""
    held = set(have)
    return tuple(name for name in EVIDENCE.get(kind, ()) if name not in held)


def picture_media(content: bytes) -> str | None:
    """Media type of a whole JPEG or PNG within the limits; None: it is none. Cut files are none."""
    if not PICTURE_BYTES_MIN <= len(content) <= PICTURE_BYTES_MAX:
        return None
    if content.startswith(_JPEG_HEAD) and content.rstrip(b"\x00").endswith(_JPEG_TAIL):
        return "image/jpeg"
    if content.startswith(_PNG_HEAD) and content.endswith(_PNG_TAIL):
        return "image/png"
    return None


def job_hash(job: Job) -> bytes:
    """SHA-256 by which a job that comes again is known to be the same."""
    text = json.dumps(asdict(job), default=str, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def config_fields(
    own: dict[str, Any], household: dict[str, Any], plan: dict[str, Any], version: int, heartbeat_s: int
) -> dict[str, Any]:
    """A terminal's configuration in a place: its own settings, those of the household there, and the plan."""
    kept = {name: value for name, value in own.items() if name not in HOUSEHOLD_FIELDS and value is not None}
    theirs = {name: household[name] for name in HOUSEHOLD_FIELDS if household.get(name) is not None}
    return {**kept, **theirs, "ver": version, "hb": own.get("hb") or heartbeat_s, "plan": plan}


def home_free(terminals: Iterable[str], leaving: str | None) -> bool:
    """Whether a home has no terminal but the one that leaves it."""
    return not [each for each in terminals if each != leaving]


def expected_home(asked: UUID | None, found: UUID | None) -> bool:
    """Whether a terminal is in the home that the job is about; a job may leave it to the registry."""
    return asked is None or asked == found
