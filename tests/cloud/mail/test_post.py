"""Letters over a real SMTP server: once, again after an outage, the same id after a kill, never in the clear."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud import db
from cloud.errors import BadInput
from cloud.mail import rules, store
from cloud.mail.models import Attachment, Letter
from cloud.run.post import Post, send_next
from cloud.run.sweep import Sweep
from cloud.sealed import Box
from cloud.settings import Settings
from tests.cloud.mail.postoffice import PASSWORD, SENDER, TEAM, USER, Postoffice
from tests.firmware.net.authority import Authority

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
DAY = date(2026, 3, 30)
ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 30


@pytest.fixture
def office() -> Iterator[Postoffice]:
    office = Postoffice().start()
    yield office
    office.stop()


@pytest.fixture
async def line(database: str) -> AsyncIterator[Conn]:
    """A connection as the post has it: what is done is committed."""
    async with await db.connect(database) as conn:
        yield conn


def settings(database: str, office: Postoffice, **more: Any) -> Settings:
    values = {
        "mail_host": "127.0.0.1",
        "mail_port": office.port,
        "mail_tls": "none",
        "mail_to": f"{TEAM}, b@mail.example",
    }
    common = {"database_url": database, "data_key": "6b" * 32, "hotline_number": "01055500001", "mail_from": SENDER}
    return Settings(**{**common, **values, "mail_at": "00:00", **more})


def letter(day: date = DAY, **more: Any) -> Letter:
    return Letter(
        **{"kind": "health", "day": day, "subject": "设备健康", "text": "正文\n", "html": "<p>正文</p>", **more}
    )


async def put(conn: Conn, written: Letter, now: datetime = NOW) -> bool:
    async with conn.transaction():
        return await store.write(conn, written, rules.message_id("health", written.day, SENDER, "ab12"), now)


async def row(conn: Conn) -> tuple[Any, ...]:
    cursor = await conn.execute("select tries, sent_at, last_error from mail_out")
    found = await cursor.fetchone()
    assert found is not None
    return found


async def test_a_letter_is_sent_once_with_its_files(database: str, line: Conn, office: Postoffice) -> None:
    """To all recipients; a second turn has nothing to do, and a second letter of the day changes nothing."""
    ours = settings(database, office)
    assert await put(line, letter(attachments=(Attachment("报告.xlsx", "application/zip", b"\x00\xff"),)))
    assert not await put(line, letter(subject="other"))
    assert await send_next(line, ours, lambda: NOW) == "sent"
    assert await send_next(line, ours, lambda: NOW + timedelta(days=1)) is None
    assert await row(line) == (1, NOW, None)
    (mail,) = office.mails
    assert office.envelopes == [(SENDER, [TEAM, "b@mail.example"])]
    assert (mail["Subject"], mail["Message-ID"]) == ("设备健康", "<health.20260330.ab12@mail.example>")
    assert [(each.get_filename(), each.get_content()) for each in mail.iter_attachments()] == [
        ("报告.xlsx", b"\x00\xff")
    ]


async def test_a_server_that_is_away_gets_it_later(database: str, line: Conn, office: Postoffice) -> None:
    """Not before the next try is due; meanwhile health says what waits and why."""
    ours = settings(database, office)
    await put(line, letter())
    office.stop()
    assert await send_next(line, ours, lambda: NOW) == "failed"
    assert (await store.waiting(line, NOW)).letters == 1
    tries, sent_at, why = await row(line)
    assert (tries, sent_at) == (1, None)
    assert "no line to the server" in why
    office.start()
    assert await send_next(line, ours, lambda: NOW + timedelta(minutes=4)) is None
    assert await send_next(line, ours, lambda: NOW + timedelta(minutes=5)) == "sent"
    assert (await store.waiting(line, NOW)).letters == 0
    assert len(office.mails) == 1


async def test_nobody_is_told_of_last_week(database: str, line: Conn, office: Postoffice) -> None:
    """After three days newer letters have told the same: it is not tried any more, nor called waiting."""
    await put(line, letter())
    office.stop()
    assert await send_next(line, settings(database, office), lambda: NOW) == "failed"
    later = NOW + rules.TRIED_FOR
    assert await send_next(line, settings(database, office), lambda: later) is None
    assert (await store.waiting(line, later)).letters == 0


async def test_a_wrong_password_is_counted_said_and_tried_later(
    database: str, line: Conn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the post of the sweep itself, over STARTTLS; neither password nor address is in a row or a log."""
    authority = Authority(tmp_path / "authority")
    office = Postoffice(authority.server(), tls="starttls", login=True).start()
    secure = {"mail_host": "localhost", "mail_tls": "starttls", "mail_ca": authority.pem_roots(), "mail_user": USER}
    wrong = settings(database, office, **secure, mail_password="a wrong password")
    try:
        post = Post(wrong, Sweep(wrong, Box(b"k" * 32)).tally)
        assert post.wrong() == []
        await post.turn(line)
        (told,) = post.wrong()
        assert told == "1 letters not sent, 1 tries: the server refused user and password (535)"
        assert (post._tally.counts["mails_written"], post._tally.counts["mails_failed"]) == (1, 1)
        assert post.present() == {"mail_on": 1.0, "mails_waiting": 1.0}
        await post.turn(line)
        assert post._tally.counts["mails_failed"] == 1
        right = settings(database, office, **secure, mail_password=PASSWORD)
        await line.execute("update mail_out set due_at = now()")
        after = Post(right, Sweep(right, Box(b"k" * 32)).tally)
        await after.turn(line)
        assert (after.wrong(), after._tally.counts["mails_sent"], len(office.mails)) == ([], 1, 1)
    finally:
        office.stop()
    for secret in (PASSWORD, "a wrong password", TEAM):
        assert secret not in caplog.text


async def test_implicit_tls_is_checked_too(database: str, line: Conn, tmp_path: Path) -> None:
    """With the right roots it goes; with the system's it does not."""
    authority = Authority(tmp_path / "authority")
    office = Postoffice(authority.server(), tls="implicit").start()
    try:
        await put(line, letter())
        secure = {"mail_host": "localhost", "mail_tls": "implicit"}
        assert await send_next(line, settings(database, office, **secure), lambda: NOW) == "failed"
        known = settings(database, office, **secure, mail_ca=authority.pem_roots())
        assert await send_next(line, known, lambda: NOW + timedelta(hours=1)) == "sent"
    finally:
        office.stop()
    assert len(office.mails) == 1


async def test_a_server_without_tls_gets_nothing_where_tls_is_wanted(
    database: str, line: Conn, office: Postoffice
) -> None:
    """No falling back to the clear, whoever stands in between."""
    await put(line, letter())
    assert await send_next(line, settings(database, office, mail_tls="starttls"), lambda: NOW) == "failed"
    assert office.mails == []


async def test_a_server_that_says_no_is_asked_again_and_its_words_are_not_kept(
    database: str, line: Conn, office: Postoffice
) -> None:
    """They may quote an address."""
    office.answer = f"451 {TEAM} is over quota"
    await put(line, letter())
    assert await send_next(line, settings(database, office), lambda: NOW) == "failed"
    assert await row(line) == (1, None, "the server answered 451")


async def test_a_letter_that_cannot_be_made_does_not_stop_the_next_one(
    database: str, line: Conn, office: Postoffice
) -> None:
    """It is counted and said as any that failed; what breaks it is not quoted."""
    await put(line, letter(attachments=(Attachment("x", "text/\r\nBcc: thief@mail.example", b"1"),)))
    await put(line, letter(DAY + timedelta(days=1)), NOW + timedelta(seconds=1))
    later = NOW + timedelta(minutes=1)
    assert await send_next(line, settings(database, office), lambda: later) == "failed"
    assert await send_next(line, settings(database, office), lambda: later) == "sent"
    waiting = await store.waiting(line, later)
    assert (waiting.letters, str(waiting.last_error).startswith("ValueError at /mail/rules.py")) == (1, True)
    assert len(office.mails) == 1


async def test_one_refused_recipient_does_not_tell_the_others_twice(
    database: str, line: Conn, office: Postoffice
) -> None:
    """It counts as sent; when all are refused it does not."""
    office.refused = {"b@mail.example"}
    await put(line, letter())
    assert await send_next(line, settings(database, office), lambda: NOW) == "partly"
    assert office.envelopes == [(SENDER, [TEAM])]
    office.refused.add(TEAM)
    await put(line, letter(DAY + timedelta(days=1)))
    assert await send_next(line, settings(database, office), lambda: NOW) == "failed"


async def test_two_that_work_at_once_send_it_once(database: str, line: Conn, office: Postoffice) -> None:
    """A stand-by may run beside."""
    await put(line, letter())
    ours = settings(database, office)
    async with await db.connect(database) as other:
        done = await asyncio.gather(send_next(line, ours, lambda: NOW), send_next(other, ours, lambda: NOW))
    assert sorted(done, key=str) == [None, "sent"]
    assert len(office.mails) == 1


async def test_more_than_a_server_takes_is_refused_at_once(line: Conn) -> None:
    """Not tried for three days."""
    big = Attachment("x", "text/csv", b"0" * (rules.ATTACHED_BYTES_MAX + 1))
    with pytest.raises(BadInput):
        await put(line, letter(attachments=(big,)))


async def test_without_a_host_nothing_is_written_and_nothing_is_wrong(database: str, line: Conn) -> None:
    """Mail is off, and the screen of the platform says so."""
    off = Settings(database_url=database, data_key="6b" * 32, hotline_number="01055500001")
    post = Post(off, Sweep(off, Box(b"k" * 32)).tally)
    await asyncio.wait_for(post.turns(), WAIT_S)
    assert (post.wrong(), post.present()["mail_on"]) == ([], 0.0)
    assert await (await line.execute("select count(*) from mail_out")).fetchone() == (0,)


def sweep(database: str, office: Postoffice) -> subprocess.Popen[bytes]:
    """The real process, as an operator starts it."""
    environment = {
        **os.environ, "OKC_DATABASE_URL": database, "OKC_DATA_KEY": "6b" * 32, "OKC_HOTLINE_NUMBER": "01055500001",
        "OKC_METRICS_PORT": "0", "OKC_MAIL_HOST": "127.0.0.1", "OKC_MAIL_PORT": str(office.port),
        "OKC_MAIL_TLS": "none", "OKC_MAIL_FROM": SENDER, "OKC_MAIL_TO": TEAM, "OKC_MAIL_AT": "00:00",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", "tools", "serve", "sweep"], cwd=ROOT, env=environment)


async def until(conn: Conn, query: str) -> None:
    """Until the database says true."""
    async with asyncio.timeout(WAIT_S):
        while (await (await conn.execute(query.encode())).fetchone()) != (True,):  # noqa: ASYNC110 - no event of ours
            await asyncio.sleep(0.05)


async def test_a_kill_between_the_servers_word_and_our_commit_sends_the_same_id_again(
    database: str, line: Conn, office: Postoffice
) -> None:
    """The row is held so that the commit must wait; the server has said 250; then kill -9."""
    with contextlib.ExitStack() as held:
        holder = held.enter_context(psycopg.connect(database))

        def hold(_: object) -> None:
            holder.execute("select from mail_out for update")

        office.taking = hold
        process = sweep(database, office)
        try:
            waiting = "wait_event_type = 'Lock' and query like 'update mail_out%'"
            await until(line, f"select exists (select from pg_stat_activity where {waiting})")
        finally:
            process.kill()
            process.wait()
        holder.rollback()
    office.taking = None
    tries, sent_at, _ = await row(line)
    assert (tries, sent_at, len(office.mails)) == (1, None, 1)
    await line.execute("update mail_out set due_at = now()")
    process = sweep(database, office)
    try:
        await until(line, "select sent_at is not null from mail_out")
    finally:
        process.terminate()
        process.wait()
    first, again = office.mails
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Date"] == again["Date"]
