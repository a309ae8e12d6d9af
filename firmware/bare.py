"""The smallest program that dials: what runs when the terminal cannot.

In: keys and the modem's lines. Out: `ATD` to the numbers of a key in order, lamp and tones. No task, no file, no clock,
no data. Must never wait: each step looks at everything and returns, so that the watchdog is fed and cancel works.
It goes on until somebody of the desk has talked or cancel is pressed, for nobody can tell it that help is coming.
"""

import time

from firmware.core.indicator import BEEPS, LAMPS, REPEAT_MS
from firmware.core.lines import unpack
from firmware.hal.show import Blinker, Tones
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.hal.cells import Cells
    from firmware.hal.parts import Parts

_NVS_SOS = const("sos")  # where app/config.py keeps the ladder of the red key
_SHIPPED = const(("01055500000", True))  # as there
_RUNGS_MAX = const(8)
_RETIRE_MS = const(3_600_000)  # then the terminal gets another try, unless an alarm is open

_STEP_MS = const(10)
_PRESS_MS = const(300)  # long enough for no brush of a sleeve, short enough for anybody
_SETTLE_MS = const(200)  # contacts settle after power on
_KNOCK_MS = const(1_000)  # between two `AT` to a modem that is silent
_SILENT_MS = const(4_000)  # without an answer to what we ask each second
_WAKE_MS = const(12_000)  # of silence, then PWRKEY is pressed; it toggles, so not before every chance to answer
_PWRKEY_MS = const(1_200)
_RING_MS = const(45_000)
_LOOK_MS = const(1_000)
_TALK_MS = const(10_000)  # shorter is no talk
_PAUSE_MS = const(15_000)  # after everybody has been tried
_LINE_MAX = const(160)
_NO_ANSWER = const(("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "ERROR", "+CME ERROR"))
# 27.010: close down, for a modem that a restart left multiplexed.
_LEAVE_MUX = const(b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9")


def ladder(raw: "bytes | None") -> "list[tuple[str, bool]]":
    """(number, whether people sit there day and night) as the configuration stored them for the red key."""
    stored = unpack(raw) if raw else None
    rungs: "list[tuple[str, bool]]" = []
    for rung in stored if isinstance(stored, list) else []:
        if isinstance(rung, list) and len(rung) == 4 and isinstance(rung[1], str) and _dialable(rung[1]):
            rungs.append((rung[1], rung[3] == 1))
    return rungs[:_RUNGS_MAX] or [_SHIPPED]


def _dialable(number: str) -> bool:
    return 3 <= len(number) <= 20 and not number.lstrip("+").strip("0123456789*#")


class Bare:
    """Call `step` every 10 ms, or `run`."""

    def __init__(self, parts: "Parts", cells: "Cells") -> None:
        self.parts = parts
        self.ladder = ladder(cells.get(_NVS_SOS))
        self.keys = [key for key, _ in parts.table.keys]
        self.ready = False  # the modem answers
        self.dialled = ""  # number of the call, empty without one
        self.sos = False  # the alarm is one of the red key
        self._staffed = False  # of the call
        self.now = 0
        self._ticks = _ticks()
        self._all: "list[tuple[str, bool]]" = []  # rungs of the alarm; empty without one
        self._left: "list[tuple[str, bool]]" = []  # those still to be tried in this round
        self._next_ms = 0  # when to dial the next
        self._since = 0  # start of the call
        self._talk: "int | None" = None
        self._closed = [0 for _ in self.keys]  # ms
        self._said_ms = 0  # the modem said something
        self._asked_ms = 0
        self._pressed: "int | None" = None  # PWRKEY went down
        self._woken_ms = 0
        self._knocks = 0
        self._line = b""
        self._beep_ms = 0
        self._blinker = Blinker()
        self._tones = Tones()
        self._state = ""
        self._shown: "tuple[str, int]" = ("", 0)

    def run(self) -> None:
        """Until it is time to try the terminal again."""
        while self.now < _RETIRE_MS or self._all:
            self.step()
            time.sleep_ms(_STEP_MS)  # type: ignore[attr-defined]

    def step(self) -> None:
        """Look at everything once."""
        ticks = _ticks()
        self.now += (ticks - self._ticks) & 0x3FFFFFFF
        self._ticks = ticks
        self.parts.watchdog.feed()
        self._look_at_keys()
        self._hear()
        self._look_at_modem()
        self._look_at_call()
        self._show()

    # Keys

    def _look_at_keys(self) -> None:
        if self.now < _SETTLE_MS:
            return
        levels = self.parts.closed()
        for at in range(len(levels)):
            before = self._closed[at]
            self._closed[at] = before + _STEP_MS if levels[at] else 0
            if before < _PRESS_MS <= self._closed[at]:
                self._tones.play(BEEPS["key"], self.now, True)
                self._fire(self.keys[at])

    def _fire(self, key: str) -> None:
        if key == "cancel":
            self._all = []
            self._left = []
            self._hang_up()
        elif not self._all or (key == "sos" and not self.sos):
            self.sos = key == "sos"
            # As the terminal does without its configuration: any other key calls whoever sits there day and night.
            self._all = self.ladder if self.sos else [rung for rung in self.ladder if rung[1]] or self.ladder
            self._left = list(self._all)
            self._next_ms = self.now
            self._hang_up()

    # The modem

    def _hear(self) -> None:
        waiting = self.parts.uart.any()
        data = self.parts.uart.read(waiting) if waiting else None
        if not data:
            return
        lines = (self._line + data).replace(b"\r", b"\n").split(b"\n")
        self._line = lines.pop()[-_LINE_MAX:]
        for line in lines:
            if line:
                self._on_line(line)

    def _on_line(self, line: bytes) -> None:
        text = "".join([chr(byte) for byte in line if 32 <= byte < 127])
        if text == "RDY":
            self.ready = False
            self._ended(False)
        elif text == "OK":
            self._said_ms = self.now
            self.ready = True
        elif text.startswith("+CLCC: ") and self.dialled:
            words = text[7:].split(",")
            self._said_ms = self.now
            if len(words) > 2 and words[1] == "0" and words[2] == "0" and self._talk is None:
                self._talk = self.now
        elif self.dialled and text.startswith(_NO_ANSWER):
            self._said_ms = self.now
            self._ended(True)

    def _look_at_modem(self) -> None:
        if self._pressed is not None:
            if self.now - self._pressed >= _PWRKEY_MS:
                self.parts.press(False)
                self._pressed = None
                self._woken_ms = self.now
            return
        if self.now - self._asked_ms < (_LOOK_MS if self.dialled else _KNOCK_MS):
            return
        self._asked_ms = self.now
        if self.now - self._said_ms > _SILENT_MS:
            self.ready = False
        if self.ready:
            self._say("AT+CLCC" if self.dialled else "AT")
            return
        self._knocks += 1
        if self._knocks % 4 == 0:
            self.parts.uart.write(_LEAVE_MUX)
        self._say("AT")
        if self.now - max(self._woken_ms, self._said_ms) >= _WAKE_MS:
            self.parts.press(True)
            self._pressed = self.now

    def _say(self, command: str) -> None:
        self.parts.uart.write(bytes(command + "\r", "utf-8"))

    # The call

    def _look_at_call(self) -> None:
        if self.dialled:
            if self._talk is None and self.now - self._since >= _RING_MS:
                self._hang_up()
                self._next_ms = self.now + _LOOK_MS
            return
        if not self._all or not self.ready or self.now < self._next_ms:
            return
        if not self._left:
            self._left = list(self._all)
        self.dialled, self._staffed = self._left.pop(0)
        self._since = self.now
        self._asked_ms = self.now
        self._talk = None
        self._say("ATD%s;" % self.dialled)

    def _ended(self, told: bool) -> None:
        """The call is over. Only a talk with people who sit there day and night ends an alarm: voicemail talks too."""
        if not self.dialled:
            return
        if told and self._talk is not None and self.now - self._talk >= _TALK_MS and self._staffed:
            self._all = []
            self._left = []
        self.dialled = ""
        self._next_ms = self.now + (_LOOK_MS if self._left else _PAUSE_MS)

    def _hang_up(self) -> None:
        if self.dialled:
            self._say("ATH")
        self.dialled = ""

    # Lamp and tones

    def _show(self) -> None:
        state = "fault" if self.ready else "no_voice"
        if self._all:
            state = "talking" if self.dialled and self._talk is not None else "calling"
        if state != self._state:
            self._state = state
            self._blinker.show(LAMPS[state][1], self.now)
        if state == "calling" and self.now - self._beep_ms >= REPEAT_MS:
            self._beep_ms = self.now
            self._tones.play(BEEPS["calling" if self.ready else "no_network"], self.now, False)
        shown = (LAMPS[state][0] if self._blinker.lit(self.now) else "none", self._tones.pitch(self.now))
        if shown[0] != self._shown[0]:
            self.parts.light(shown[0])
        if shown[1] != self._shown[1]:
            self.parts.tone(shown[1])
        self._shown = shown


def _ticks() -> int:
    return int(time.ticks_ms())  # type: ignore[attr-defined]
