"""`onekey health mail`: the letter of a day, looked at, written to a file, or sent at once. Writes no row.

In: the database named by OKC_DATABASE_URL; to send, the OKC_MAIL_ settings. Out: the text, an .eml file or a mail.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer

from cloud import clock, db
from cloud.days import shanghai_day
from cloud.errors import AppError, BadInput
from cloud.health import bulletin, bulletin_store
from cloud.mail import rules, smtp
from cloud.mail.models import Attachment, Letter
from cloud.settings import MailSettings, SettingsError, load

if TYPE_CHECKING:
    from email.message import EmailMessage

FAILED_EXIT = 2
UNKNOWN = "onekey@localhost"  # stands in a file where no sender is set


def add_to(app: typer.Typer) -> None:
    """Hang the command into `onekey health`."""
    app.command("mail")(mail)


def mail(
    day: Annotated[str, typer.Option(help="YYYY-MM-DD; yesterday if not given.")] = "",
    to_file: Annotated[Path | None, typer.Option(help="Write it as it would go out, for a mail program.")] = None,
    send_now: Annotated[bool, typer.Option("--send-now", help="Send it to OKC_MAIL_TO, beside the daily one.")] = False,
    attach: Annotated[list[Path], typer.Option(help="A file that goes with it; may be given several times.")] = [],  # noqa: B006 - Typer's way
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The daily letter to the after-sales team."""
    try:
        settings = load(MailSettings)
        if send_now and not settings.mail_host:
            raise BadInput("没有设置 OKC_MAIL_HOST，邮件未启用")
        files = tuple(_attachment(each) for each in attach)
        letter = asyncio.run(_letter(settings, day, files))
        done = {"day": letter.day.isoformat(), "subject": letter.subject, "file": None, "sent": False}
        if to_file is not None:
            to_file.write_bytes(_message(settings, letter).as_bytes())
            done["file"] = str(to_file)
        if send_now:
            asyncio.run(smtp.send(settings, _message(settings, letter)))
            done["sent"] = True
    except (AppError, SettingsError, smtp.MailError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED_EXIT) from None
    except OSError as error:
        typer.echo(f"{error.filename}: {error.strerror}", err=True)
        raise typer.Exit(FAILED_EXIT) from None
    except psycopg.errors.UndefinedTable:
        typer.echo("the database is not migrated; run `onekey db migrate`", err=True)
        raise typer.Exit(FAILED_EXIT) from None
    except psycopg.OperationalError:
        typer.echo("the database does not answer", err=True)
        raise typer.Exit(FAILED_EXIT) from None
    if as_json:
        print(json.dumps(done | {"text": letter.text}, ensure_ascii=False))
    elif to_file is None and not send_now:
        print(f"{letter.subject}\n\n{letter.text}", end="")
    else:
        print(f"{letter.subject}\n{'已发送。' if send_now else ''}{f'已写入 {to_file}。' if to_file else ''}")


async def _letter(settings: MailSettings, day: str, files: tuple[Attachment, ...]) -> Letter:
    now = clock.now()
    try:
        wanted = datetime.strptime(day, "%Y-%m-%d").date() if day else shanghai_day(now) - timedelta(days=1)  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise BadInput(f"{day}：不是日期，请写成 2026-03-31") from None
    if wanted >= shanghai_day(now):
        raise BadInput("只能看已经结束的一天")
    async with await db.connect(settings.database_url) as conn, conn.transaction():
        return bulletin.letter(await bulletin_store.read(conn, wanted, now), settings.public_url, files)


def _message(settings: MailSettings, letter: Letter) -> EmailMessage:
    sender = settings.mail_from or UNKNOWN
    return rules.message(
        letter,
        sender=sender,
        recipients=settings.mail_recipients or (UNKNOWN,),
        message_id=rules.message_id(f"{letter.kind}-preview", letter.day, sender, secrets.token_hex(4)),
        written_at=clock.now(),
    )


def _attachment(path: Path) -> Attachment:
    media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Attachment(path.name, media, path.read_bytes())
