"""SMS: what the terminal sends goes into the tally and no further; what a test sends it is stored until deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.modem.radio import CHINA
from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.core import Modem

MAX_STORED = 20  # places on the card; when they are full nothing new is announced
NO_SERVICE = 331
NO_SIM = 310
BAD_TEXT = 305


class SmsStore:
    """The card's messages, and the number of the last one sent."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self.stored: dict[int, tuple[str, str, str, bool]] = {}  # place: number, text, local time, read
        self.sending = False
        self._sent = 0

    def deliver(self, number: str, text: str) -> bool:
        """Somebody sends the terminal a message; False if it cannot arrive."""
        modem = self.modem
        place = next((place for place in range(1, MAX_STORED + 1) if place not in self.stored), None)
        if place is None or not modem.awake or not modem.radio.registered:
            modem.dropped["sms"] += 1
            return False
        at = (datetime.fromtimestamp(modem.now, UTC) + CHINA).strftime("%y/%m/%d,%H:%M:%S+32")
        self.stored[place] = (number, text, at, False)
        if modem.registers.text("+CNMI").split(",")[1:2] == ["1"]:
            modem.urc(f'+CMTI: "SM",{place}')
        return True

    def send(self, number: str, data: bytes) -> Answer | None:
        """The payload of AT+CMGS is complete."""
        modem = self.modem
        text = data.decode("latin-1")
        if modem.registers.text("+CSCS") == "UCS2" and modem.registers.number("+CMGF"):
            decoded = _ucs2(number), _ucs2(text)
            if None in decoded:
                return Answer(final=f"+CMS ERROR: {BAD_TEXT}")
            number, text = decoded[0] or "", decoded[1] or ""
        self.sending = True

        def done() -> None:
            self.sending = False
            if not modem.radio.registered:
                modem.finish(Answer(final=f"+CMS ERROR: {NO_SERVICE}"))
                return
            self._sent = (self._sent + 1) % 256
            modem.network.keep_sms(number, text, modem.now)
            modem.event("sms", number=number, characters=len(text))
            modem.finish(Answer((f"+CMGS: {self._sent}",)))

        modem.wait(modem.timing.sms, done)
        return None


def _ucs2(text: str) -> str | None:
    try:
        return bytes.fromhex(text).decode("utf-16-be")
    except ValueError:
        return None


def _send(modem: Modem, request: Request) -> Answer:
    if not modem.radio.sim:
        return Answer(final=f"+CMS ERROR: {NO_SIM}")
    # Text mode names the receiver, PDU mode the length; a PDU is kept as it is.
    number = request.args[0] if modem.registers.number("+CMGF") else ""
    if not request.args[0]:
        return ERROR
    return modem.prompt(None, lambda data: OK if data is None else modem.sms.send(number, data))


def _read(modem: Modem, request: Request) -> Answer:
    place = int(request.args[0]) if request.args[0].isdigit() else 0
    if place not in modem.sms.stored:
        return OK
    number, text, at, seen = modem.sms.stored[place]
    modem.sms.stored[place] = (number, text, at, True)
    if modem.registers.text("+CSCS") == "UCS2":
        number, text = number.encode("utf-16-be").hex().upper(), text.encode("utf-16-be").hex().upper()
    state = "REC READ" if seen else "REC UNREAD"
    return Answer((f'+CMGR: "{state}","{number}","","{at}"\r\n{text}',))


def _delete(modem: Modem, request: Request) -> Answer:
    if not request.args[0].isdigit():
        return ERROR
    if len(request.args) > 1 and request.args[1] != "0":
        modem.sms.stored.clear()
    else:
        modem.sms.stored.pop(int(request.args[0]), None)
    return OK


def _delete_all(modem: Modem, _: Request) -> Answer:
    modem.sms.stored.clear()
    return OK


COMMANDS = {
    ("+CMGS", "write"): _send,
    ("+CMGR", "write"): _read,
    ("+CMGD", "write"): _delete,
    ("+CMGDA", "write"): _delete_all,
}
