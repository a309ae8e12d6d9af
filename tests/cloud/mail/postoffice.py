"""A real SMTP server in a thread: with or without TLS and a password, away when told, keeps what it took."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tools.embedded.ports import free_port

USER, PASSWORD = "okc", "an invented password"
SENDER, TEAM = "onekey@mail.example", "after-sales@mail.example"


class Postoffice:
    """start(), stop(); `mails`: what was taken, `envelopes`: for whom."""

    def __init__(self, certificates: Path | None = None, *, tls: str = "none", login: bool = False) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.answer = "250 OK"
        self.refused: set[str] = set()
        self.taking: Callable[[EmailMessage], None] | None = None  # before the answer goes out
        self._tls, self._login = tls, login
        self._context: ssl.SSLContext | None = None
        if certificates is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        self._controller: Controller | None = None

    def start(self) -> Postoffice:
        inside: dict[str, Any] = {}
        if self._tls == "starttls":
            inside |= {"tls_context": self._context, "require_starttls": True}
        if self._login:
            inside |= {"authenticator": self._knows, "auth_required": True, "auth_require_tls": self._tls == "starttls"}
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=self._context if self._tls == "implicit" else None,
            **inside,
        )
        self._controller.start()
        return self

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _knows(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=known)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        if self.answer.startswith("250"):
            self.mails.append(mail)
            self.envelopes.append((str(envelope.mail_from), list(envelope.rcpt_tos)))
        if self.taking is not None:
            self.taking(mail)
        return self.answer
