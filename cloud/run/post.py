"""Letters to our own teams, written and sent beside the other jobs of the sweep. In: the clock. Out: mail.

On a connection of its own: a mail server that is slow or frozen holds back nothing that anybody waits for. The sender
of messages to terminals does not do it, because a route must leave within milliseconds.

Claim, commit; hand over; mark, commit. Who dies in between leaves a letter that is tried again by its own time, under
the same Message-ID: at least once, and once only unless the end came between the server's 250 and our commit.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.errors import described
from cloud.health import bulletin, bulletin_store
from cloud.mail import rules, smtp, store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloud.db import Conn
    from cloud.mail.models import Waiting
    from cloud.settings import MailSettings
    from cloud.tally import Tally

log = logging.getLogger(__name__)

TURN_S = 20.0  # nobody waits for the minute
WRITE_ENDS_S = 60.0  # reading 50,000 terminals' findings takes seconds
MARK_BYTES = 4
COUNTED = ("mails_written", "mails_sent", "mails_failed", "mails_partly")


async def write(conn: Conn, settings: MailSettings, now: datetime) -> bool:
    """The letter of the finished day, where its hour has come and it is not there; in one transaction."""
    day = rules.day_due(now, settings.mail_at)
    if day is None:
        return False
    async with db.in_time(conn, WRITE_ENDS_S):
        if await store.is_written(conn, bulletin.KIND, day):
            return False
        letter = bulletin.letter(await bulletin_store.read(conn, day, now), settings.public_url)
        mark = secrets.token_hex(MARK_BYTES)
        return await store.write(conn, letter, rules.message_id(letter.kind, day, settings.mail_from, mark), now)


async def send_next(conn: Conn, settings: MailSettings, now: Callable[[], datetime]) -> str | None:
    """Try the next letter that is due once: `sent`, `partly` or `failed`; None where nothing is due."""
    async with db.in_time(conn):
        claimed = await store.claim(conn, now())
    if claimed is None:
        return None
    done, why = "sent", None
    try:
        mail = rules.message(
            claimed.letter,
            sender=settings.mail_from,
            recipients=settings.mail_recipients,
            message_id=claimed.message_id,
            written_at=claimed.created_at,
        )
        await smtp.send(settings, mail)
    except smtp.PartlyRefusedError:
        done = "partly"
    except smtp.MailError as error:
        done, why = "failed", str(error)
    except Exception as error:  # noqa: BLE001 - one letter that breaks us must not end the post, and must be said
        done, why = "failed", described(error)
    async with db.in_time(conn):
        if why is None:
            await store.mark_sent(conn, claimed.mail_id, now())
        else:
            await store.mark_failed(conn, claimed.mail_id, why)
    return done


class Post:
    """Turn after turn, and what did not go."""

    def __init__(self, settings: MailSettings, tally: Tally) -> None:
        self._settings, self._tally = settings, tally
        self._waiting: Waiting | None = None
        self._broken: str | None = None

    @property
    def on(self) -> bool:
        """Whether letters are sent at all."""
        return bool(self._settings.mail_host)

    def wrong(self) -> list[str]:
        """What is not as it should be. Without a host there is no mail, and nothing is wrong."""
        found = [] if self._broken is None else [f"a letter could not be written: {self._broken}"]
        if self._waiting is not None and self._waiting.letters:
            found.append(
                f"{self._waiting.letters} letters not sent, {self._waiting.tries} tries: {self._waiting.last_error}"
            )
        return found

    def present(self) -> dict[str, float]:
        """For /metrics and /ops."""
        return {"mail_on": float(self.on), "mails_waiting": float(self._waiting.letters if self._waiting else 0)}

    async def turn(self, conn: Conn) -> None:
        """Write what is due, try each letter that is due once."""
        try:
            self._tally.counts["mails_written"] += await write(conn, self._settings, clock.now())
            self._broken = None
        except Exception as error:  # what is written already is sent all the same
            if db.is_outage(error, conn):
                raise
            self._broken = described(error)
            log.error("letter not written: %s", self._broken)  # noqa: TRY400 - its text may quote a row
        while (done := await send_next(conn, self._settings, clock.now)) is not None:
            self._tally.counts["mails_failed" if done == "failed" else "mails_sent"] += 1
            self._tally.counts["mails_partly"] += done == "partly"
            if done != "sent":
                log.warning("letter: %s", done)
        async with db.in_time(conn):
            self._waiting = await store.waiting(conn, clock.now())

    async def turns(self) -> None:
        """Until cancelled; waits for a database that is away."""
        if not self.on:
            log.info("no letters: OKC_MAIL_HOST is not set")
            return
        while True:
            try:
                async with await db.connect(self._settings.database_url) as conn:
                    await db.check_schema(conn)
                    while True:
                        await self.turn(conn)
                        await asyncio.sleep(TURN_S)
            except psycopg.Error as error:
                log.warning("letters begin anew: %s", type(error).__name__)
                await asyncio.sleep(1.0)
