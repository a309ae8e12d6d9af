"""The nouns of this room: a letter, and its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    media: str  # as in text/csv
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is told, in plain text and the same as HTML."""

    kind: str
    day: date  # the Shanghai day that it tells of
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A letter on its way, claimed for one try."""

    mail_id: int
    message_id: str
    created_at: datetime
    tries: int  # this one with them
    letter: Letter


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What was tried and did not go."""

    letters: int
    tries: int  # most of one of them
    last_error: str | None
