"""A modem for tests of the board: it answers `OK` to everything, is registered, and shows one call.

In: what the program writes to the chip's UART. Out: answers, and the numbers that were dialled. No timing, no faults:
the emulator in tools/modem has those.
"""

from tests.firmware.fakes.chip import CHIP

_ANSWERS = {
    "AT+CREG?": "+CREG: 1,1",
    "AT+CPIN?": "+CPIN: READY",
    "AT+CSQ": "+CSQ: 20,0",
    "AT+CBC": "+CBC: 0,80,4000",
    "AT+CCLK?": '+CCLK: "70/01/01,00:00:00+32"',
}
_REFUSED = ("AT+CMUX", "AT+CGATT", "AT+CIICR")


class Modem:
    """At the chip's second UART. `silent` while it is off."""

    def __init__(self) -> None:
        self.uart = CHIP.uarts[2]
        self.uart.hears = self.hear
        self.silent = False
        self.dialled: "list[str]" = []
        self.told: "list[str]" = []
        self.state = ""  # of the call as +CLCC numbers it; empty without one
        self._rest = b""

    def hear(self, data: bytes) -> None:
        """The program wrote this."""
        lines = (self._rest + data).split(b"\r")
        self._rest = lines.pop()
        for line in lines:
            text = "".join([chr(byte) for byte in line if 32 <= byte < 127])
            self.told.append(text)
            if not self.silent:
                self.answer(text)

    def answer(self, text: str) -> None:
        """One command."""
        if text.startswith("ATD"):
            self.dialled.append(text[3:-1])
            self.state = "2"
        elif text in ("ATH", "AT+CHUP"):
            self.state = ""
        if text == "AT+CLCC" and self.state:
            self.say('+CLCC: 1,0,%s,0,0,"%s",129,""' % (self.state, self.dialled[-1]))
        if text in _ANSWERS:
            self.say(_ANSWERS[text])
        self.say("ERROR" if text.startswith(_REFUSED) else "OK")

    def say(self, line: str) -> None:
        """A line of the modem."""
        self.uart.say(bytes("\r\n" + line + "\r\n", "utf-8"))

    def ends(self, cause: str = "NO CARRIER") -> None:
        """The call is over."""
        self.state = ""
        self.say(cause)
