"""When a letter is due and tried again, and that its headers hold nothing but what they are for."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from cloud.mail import rules
from cloud.mail.models import Attachment, Letter

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
DAY = date(2026, 3, 30)
HEADERS = ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]


def letter(subject: str = "设备健康", text: str = "无。\n", attachments: tuple[Attachment, ...] = ()) -> Letter:
    return Letter(kind="health", day=DAY, subject=subject, text=text, html="<p>无。</p>", attachments=attachments)


def read(written: Letter) -> EmailMessage:
    mail = rules.message(
        written, sender="a@mail.example", recipients=["b@mail.example", "c@mail.example"],
        message_id="<x@mail.example>", written_at=NOW,
    )  # fmt: skip
    found = email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_the_finished_day_is_due_at_its_hour_in_shanghai() -> None:
    """Not a minute before; after midnight it is yet another day's."""
    at = time(7, 30)
    assert rules.day_due(datetime(2026, 3, 30, 23, 29, tzinfo=UTC), at) is None
    assert rules.day_due(datetime(2026, 3, 30, 23, 30, tzinfo=UTC), at) == date(2026, 3, 30)
    assert rules.day_due(datetime(2026, 3, 31, 15, 59, tzinfo=UTC), at) == date(2026, 3, 30)
    assert rules.day_due(datetime(2026, 3, 31, 16, 0, tzinfo=UTC), at) is None


def test_tries_get_rarer_from_five_minutes_to_six_hours() -> None:
    """Whatever the number of tries: it never overflows and never stops growing before its end."""
    waits = [rules.again_after(tries) for tries in range(1, 200)]
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=6)


@given(st.text(max_size=300), st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.text(max_size=100))
def test_no_text_begins_another_header(subject: str, text: str, name: str) -> None:
    """However it is made: a subject, a body and a file's name stay what they are."""
    subject, name = (each.encode("utf-8", "ignore").decode() for each in (subject, name))
    mail = read(letter(subject, text, (Attachment(name or "x", "text/csv", b"1"),)))
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert [each.addr_spec for each in mail["To"].addresses] == ["b@mail.example", "c@mail.example"]


def test_an_attack_in_a_subject_is_only_text() -> None:
    """The line break that would begin a header is gone."""
    mail = read(letter("x\r\nBcc: thief@mail.example\r\n\r\nHello"))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "x Bcc: thief@mail.example Hello"


def test_a_file_arrives_as_it_was() -> None:
    """Byte by byte, with its Chinese name."""
    sheet = bytes(range(256)) * 40
    media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    mail = read(
        letter(attachments=(Attachment("健康报告.xlsx", media, sheet), Attachment("a.csv", "text/csv", b"1,2\r\n")))
    )
    found = list(mail.iter_attachments())
    assert [each.get_filename() for each in found] == ["健康报告.xlsx", "a.csv"]
    assert found[0].get_content_type() == media
    assert found[0].get_content() == sheet
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content().strip(), html.get_content().strip()) == ("无。", "<p>无。</p>")
