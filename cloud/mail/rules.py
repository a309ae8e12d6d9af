"""When a letter is due, when it is tried again, what its names are, and how it looks on the wire. Pure.

In: a letter, who writes to whom, `now`. Out: times, and a message whose headers hold nothing but what they are for.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI, shanghai_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud.mail.models import Letter

AGAIN_FIRST = timedelta(minutes=5)  # a server that restarts is back by then
AGAIN_LAST = timedelta(hours=6)  # whoever mends it sees that it works within a shift
# By then three newer letters have told the same again.
TRIED_FOR = timedelta(days=3)
SUBJECT_CHARS_MAX = 120  # more is cut off by every reader of mail
NAME_CHARS_MAX = 80  # of a file
ATTACHED_BYTES_MAX = 10_000_000  # servers refuse 20 to 25 MB, of which base64 takes a third
SENDER_NAME = "一键呼"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def day_due(now: datetime, at: time) -> date | None:
    """The finished day that is to be told of now; None before the hour of the day."""
    here = now.astimezone(SHANGHAI)
    return shanghai_day(now) - timedelta(days=1) if here.time() >= at else None


def again_after(tries: int) -> timedelta:
    """How long after a try that many the next one is made."""
    return min(AGAIN_FIRST * (1 << min(max(tries - 1, 0), 10)), AGAIN_LAST)


def message_id(kind: str, day: date, sender: str, mark: str) -> str:
    """The same for a letter whatever happens to it; `mark` tells installations that share a domain apart."""
    return f"<{kind}.{day:%Y%m%d}.{mark}@{sender.rpartition('@')[2]}>"


def one_line(text: str, most: int) -> str:
    """Fit for a header: no control character can begin another one."""
    return _CONTROL.sub(" ", text).strip()[:most]


def message(
    letter: Letter, *, sender: str, recipients: Sequence[str], message_id: str, written_at: datetime
) -> EmailMessage:
    """The mail as it goes out: the same bytes at every try but for the boundaries between its parts."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = one_line(letter.subject, SUBJECT_CHARS_MAX)
    mail["From"] = Address(SENDER_NAME, addr_spec=sender)
    mail["To"] = [Address(addr_spec=each) for each in recipients]
    mail["Date"] = format_datetime(written_at)
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    for each in letter.attachments:
        main, _, sub = each.media.partition("/")
        name = one_line(each.name, NAME_CHARS_MAX)
        mail.add_attachment(each.content, maintype=main, subtype=sub or "octet-stream", filename=name)
    return mail
