"""SMS: what the terminal sends goes into the tally and no further; what a test sends it is stored until deleted.

In: AT+CMGS with its payload, AT+CMGR and AT+CMGD, messages of the test. Out: results with the codes of the vendor's
manual, `+CMTI`, and every message in the tally, sent or refused, as the text that a person would read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.modem.radio import CHINA
from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel
    from tools.modem.core import Modem

MAX_STORED = 20  # places on the card; when they are full nothing new is announced
MAX_UCS2 = 70  # characters of one message in UCS2
MAX_GSM = 160  # in the GSM alphabet
SLOW_S = 60.0  # the manual's longest time, real seconds: what the fault `sms_slow` takes
PACKET_ONLY = 0  # AT+CGSMS: messages travel in the packet domain, which a call suspends
NO_SIM, BAD_TEXT, BAD_INDEX, NO_SERVICE, TOO_LONG, SUSPENDED = 310, 305, 321, 331, 513, 530


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
        modem.urc(f'+CMTI: "SM",{place}')
        return True

    def send(self, at: Channel, number: str, data: bytes) -> Answer | None:
        """The payload of AT+CMGS is complete. `at` is the channel that asked, with its settings."""
        found = read(at, number, data)
        if isinstance(found, int):
            return self._refused(number, data.decode("latin-1"), found)
        number, text = found
        self.sending = True

        def done() -> None:
            self.sending = False
            code = self._obstacle(at)
            if code is not None:
                at.finish(self._refused(number, text, code))
                return
            self._sent = (self._sent + 1) % 256
            self.modem.network.keep_sms(number, text, self.modem.now)
            self.modem.event("sms", number=number, characters=len(text))
            at.finish(Answer((f"+CMGS: {self._sent}",)))

        if self.modem.faults.on("sms_slow"):
            self.modem.timers.after(SLOW_S, done)
        else:
            self.modem.wait(self.modem.timing.sms, done)
        return None

    def _obstacle(self, at: Channel) -> int | None:
        """The code of what is in the way now, None if nothing is."""
        modem = self.modem
        if modem.faults.on("sms_fail"):
            return int(modem.faults.options["sms_fail"]["code"])
        if not modem.radio.registered:
            return NO_SERVICE
        if at.registers.number("+CGSMS") == PACKET_ONLY and modem.data.suspended:
            return SUSPENDED
        return None

    def _refused(self, number: str, text: str, code: int) -> Answer:
        """Note what did not leave, and say why."""
        self.modem.network.keep_sms(number, text, self.modem.now, code)
        self.modem.event("sms_refused", number=number, code=code)
        return Answer(final=f"+CMS ERROR: {code}")


def read(at: Channel, number: str, data: bytes) -> tuple[str, str] | int:
    """Number and text as a person would read them, or the code of what is wrong with them."""
    text = data.decode("latin-1")
    if not at.registers.number("+CMGF"):
        return number, text  # a PDU is kept as it is
    wide = _wide(at.registers.text("+CSMP"))
    if at.registers.text("+CSCS") == "UCS2":
        decoded = ucs2(number), ucs2(text)
        if decoded[0] is None or decoded[1] is None:
            return BAD_TEXT
        number, text = decoded[0], decoded[1]
        if not wide and not text.isascii():
            return BAD_TEXT  # the data coding scheme promises the GSM alphabet, which has no Chinese
    if _units(text) > (MAX_UCS2 if wide else MAX_GSM):
        return TOO_LONG
    return number, text


def _wide(parameters: str) -> bool:
    """Whether the data coding scheme, the fourth value of AT+CSMP, means UCS2."""
    scheme = parameters.split(",")[3:4]
    return bool(scheme) and scheme[0].isdigit() and int(scheme[0]) < 0x40 and int(scheme[0]) & 0x0C == 0x08


def _units(text: str) -> int:
    """Characters as the air interface counts them."""
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def ucs2(text: str) -> str | None:
    """The text behind its hex digits, four for each character; None if they are none."""
    try:
        return bytes.fromhex(text).decode("utf-16-be") if text and len(text) % 4 == 0 and text.isalnum() else None
    except ValueError:
        return None


def _send(at: Channel, request: Request) -> Answer:
    if not at.modem.radio.sim:
        return Answer(final=f"+CMS ERROR: {NO_SIM}")
    # Text mode names the receiver, PDU mode the length.
    number = request.args[0] if at.registers.number("+CMGF") else ""
    if not request.args[0]:
        return ERROR
    return at.prompt(None, lambda data: OK if data is None else at.modem.sms.send(at, number, data))


def _read(at: Channel, request: Request) -> Answer:
    if not request.args[0].isdigit():
        return Answer(final=f"+CMS ERROR: {BAD_INDEX}")
    place = int(request.args[0])
    if place not in at.modem.sms.stored:
        return OK
    number, text, when, seen = at.modem.sms.stored[place]
    at.modem.sms.stored[place] = (number, text, when, True)
    if at.registers.text("+CSCS") == "UCS2":
        number, text = number.encode("utf-16-be").hex().upper(), text.encode("utf-16-be").hex().upper()
    state = "REC READ" if seen else "REC UNREAD"
    return Answer((f'+CMGR: "{state}","{number}","","{when}"\r\n{text}',))


def _delete(at: Channel, request: Request) -> Answer:
    if not request.args[0].isdigit():
        return ERROR
    if len(request.args) > 1 and request.args[1] != "0":
        at.modem.sms.stored.clear()
    else:
        at.modem.sms.stored.pop(int(request.args[0]), None)
    return OK


def _delete_all(at: Channel, _: Request) -> Answer:
    at.modem.sms.stored.clear()
    return OK


COMMANDS = {
    ("+CMGS", "write"): _send,
    ("+CMGR", "write"): _read,
    ("+CMGD", "write"): _delete,
    ("+CMGDA", "write"): _delete_all,
}
