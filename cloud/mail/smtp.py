"""One mail to the server of the settings. In: a message. Out: nothing, or MailError with what was wrong in a few words.

Nothing goes in the clear to another machine, and a certificate is always checked. What a server says is not passed on:
its words may quote an address.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiosmtplib

if TYPE_CHECKING:
    from email.message import EmailMessage

    from cloud.settings import MailSettings

TRY_S = 60.0  # for a whole try; servers that look at a mail take seconds
ANSWER_S = 30.0  # for each answer


class MailError(Exception):
    """The server does not have the mail, as far as we know."""


async def send(settings: MailSettings, mail: EmailMessage) -> None:
    """Hand one mail over to all recipients; returns once the server has said 250."""
    try:
        async with asyncio.timeout(TRY_S):
            refused, _ = await aiosmtplib.send(
                mail,
                sender=settings.mail_from,
                recipients=list(settings.mail_recipients),
                hostname=settings.mail_host,
                port=settings.mail_port_used,
                username=settings.mail_user or None,
                password=settings.mail_password or None,
                use_tls=settings.mail_tls == "implicit",
                start_tls=settings.mail_tls == "starttls",
                tls_context=settings.mail_context,
                timeout=ANSWER_S,
            )
    except aiosmtplib.SMTPAuthenticationError as error:
        raise MailError(f"the server refused user and password ({error.code})") from None
    except aiosmtplib.SMTPRecipientsRefused:
        raise MailError("the server refused every recipient") from None
    except aiosmtplib.SMTPResponseException as error:
        raise MailError(f"the server answered {error.code}") from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise MailError(f"no line to the server ({type(error).__name__})") from None
    if refused:
        # Who was accepted has it: sending it to everybody again would tell them twice.
        raise PartlyRefusedError(f"the server refused {len(refused)} of {len(settings.mail_recipients)} recipients")


class PartlyRefusedError(MailError):
    """The server has it for some recipients: it counts as sent, and is told."""
