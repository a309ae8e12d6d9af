"""The module's own voice: text to speech (AT+CTTS) and AMR files (AT+CREC=4), on models that have them.

In: text as UCS2 or GBK, names of files. Out: OK at once, an event `speak` with what was said, and `+CTTS: 0` or
`+CREC: 0` when it has ended or a call has cut it short. Nothing is spoken while a call is set up or stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.modem.sms import ucs2
from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel
    from tools.modem.core import Modem
    from tools.modem.timers import Timer

CHARACTERS_A_SECOND = 4.0
MAX_CHARACTERS = 100  # of one text
MAX_FILES = 50
UCS2, ANY = "1", "2"  # AT+CTTS: how the text is written
PLAY = "4"
PARAMETERS = ((0, 100), (0, 3), (1, 100), (1, 100), (0, 1))  # only the last, the channel, may be left out


class Speech:
    """What is being said, if anything; and the files that can be."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self.files: dict[str, float] = {}  # name: seconds; they outlive a power cycle
        self.said = ""  # the last thing, whole
        self.parameters = "50,0,50,50,0"  # volume, mode, pitch, speed, channel
        self._end: Timer | None = None
        self._command = ""

    @property
    def busy(self) -> bool:
        """Something is being said."""
        return self._end is not None

    def say(self, command: str, what: str, seconds: float) -> None:
        """Begin; `command` names the line that ends it."""
        self.said = what
        self._command = command
        self.modem.event("speak", text=what, seconds=round(seconds, 3))
        self._end = self.modem.timers.after(seconds, self.stop)

    def stop(self) -> None:
        """It has ended, or a call ends it."""
        if self._end is None:
            return
        self._end.cancel()
        self._end = None
        self.modem.urc(f"{self._command}: 0")

    def lose_power(self) -> None:
        """Nothing is said any more, and nothing is said about it."""
        self._end = None


def _speak(at: Channel, request: Request) -> Answer:
    modem, args = at.modem, request.args
    if not modem.model.speaks:
        return ERROR
    if args == ("0",):
        return Answer(then=modem.speech.stop)
    if len(args) != 2 or args[0] not in {UCS2, ANY}:
        return ERROR
    # The other form is plain text in GBK, one byte or two for a character.
    text = ucs2(args[1]) if args[0] == UCS2 else args[1].encode("latin-1").decode("gbk", "replace")
    if not text or len(text) > MAX_CHARACTERS or modem.speech.busy or modem.voice.busy:
        return ERROR
    return Answer(then=lambda: modem.speech.say("+CTTS", text, len(text) / CHARACTERS_A_SECOND))


def _speaking(at: Channel, _: Request) -> Answer:
    return Answer((f"+CTTS: {int(at.modem.speech.busy)}",)) if at.modem.model.speaks else ERROR


def _parameters(at: Channel, request: Request) -> Answer:
    speech = at.modem.speech
    ranges = PARAMETERS[: len(request.args)]
    good = len(request.args) in {4, 5} and all(
        arg.isdigit() and low <= int(arg) <= high for arg, (low, high) in zip(request.args, ranges, strict=True)
    )
    if not at.modem.model.speaks or not good:
        return ERROR
    speech.parameters = ",".join((*request.args, *speech.parameters.split(",")[len(request.args) :]))
    return OK


def _parameters_read(at: Channel, _: Request) -> Answer:
    return Answer((f"+CTTSPARAM: {at.modem.speech.parameters}",)) if at.modem.model.speaks else ERROR


def _able(at: Channel, request: Request) -> Answer:
    """The test form: a driver learns by it whether this module can speak."""
    if not at.modem.model.speaks:
        return ERROR
    return Answer(("+CREC: (1-8),(1-10)",)) if request.name == "+CREC" else OK


def _file(at: Channel, request: Request) -> Answer:
    """`4,"<name>",<channel>,<level>` plays; `5` stops."""
    modem, args = at.modem, request.args
    if not modem.model.speaks:
        return ERROR
    if args == ("5",):
        return Answer(then=modem.speech.stop)
    if not 2 <= len(args) <= 4 or args[0] != PLAY or modem.speech.busy or modem.voice.busy:
        return ERROR
    seconds = modem.speech.files.get(args[1].lower())
    if seconds is None or not all(arg.isdigit() and int(arg) <= 100 for arg in args[2:]):
        return ERROR
    return Answer(then=lambda: modem.speech.say("+CREC", args[1], seconds))


COMMANDS = {
    ("+CTTS", "write"): _speak,
    ("+CTTS", "read"): _speaking,
    ("+CTTS", "test"): _able,
    ("+CREC", "test"): _able,
    ("+CTTSPARAM", "write"): _parameters,
    ("+CTTSPARAM", "read"): _parameters_read,
    ("+CREC", "write"): _file,
}
