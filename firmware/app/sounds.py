"""What the elder sees and hears: lamp, tones and, where the modem can speak, words.

In: facts of the other parts. Out: orders to the board and prompts to the modem.
Must never wait in the key loop, nor make the modem speak while a call is up or about to be dialled.
"""

import asyncio

from firmware.core.speech import Speech
from firmware.core.words import PROMPTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.core.indicator import Indicator
    from firmware.core.ladder import Ladder
    from firmware.hal.base import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.tts import Tts
    from firmware.modem.voice import Voice

FULL_VOLUME = 100


class Sounds:
    """Start `run` as a task; `facts` and `show` belong to the key loop."""

    def __init__(self, board: "Board", indicator: "Indicator", ladder: "Ladder") -> None:
        self.board = board
        self.indicator = indicator
        self.ladder = ladder
        self.speech = Speech()
        self.modem: "Sim800"
        self.voice: "Voice"
        self.tts: "Tts"
        self._prompt: str | None = None
        self._wake = asyncio.Event()

    def attach(self, modem: "Sim800", voice: "Voice", tts: "Tts") -> None:
        """The parts that are built later."""
        self.modem = modem
        self.voice = voice
        self.tts = tts

    def silent(self) -> bool:
        """Whether the modem must not speak: a call is up, being set up or hung up."""
        return self.ladder.in_call or self.voice.in_call()

    def facts(self, now: int, *, voice: bool, data: bool, fault: bool, left: bool) -> None:
        """What is so now; about every 100 ms. `left`: an alarm of before the restart waits for the modem."""
        view = self.ladder.view(now)
        if left and view["phase"] == "idle":
            view = {"phase": "calling", "desk": None}  # the elder must not sit in silence
        if self.voice.state == "talking" and not self.ladder.in_call:
            view = {"phase": "talking", "desk": view["desk"]}  # an answered caller is a talk too
        self.indicator.facts(
            now, started=self.modem.identified.is_set(), voice=voice, data=data, fault=fault, ladder=view
        )
        if self.silent():
            self.tts.cut()  # a call that is set up ends what was being said
        if "tts" in self.modem.can:
            free = self._prompt is None and not self.tts.speaking and not self.silent()
            prompt = self.speech.tick(now, self.ladder.spoken(now), free)
            if prompt is not None:
                self._prompt = prompt
                self._wake.set()

    def show(self, now: int) -> None:
        """Changes of the lamp, and tones that are due."""
        for what, value in self.indicator.tick(now):
            if what == "lamp":
                self.board.lamp(value)
            else:
                self.board.beep(value)

    async def run(self) -> None:
        """Speak, for ever."""
        while True:
            self._wake.clear()
            if self._prompt is None:
                await self._wake.wait()
            prompt, self._prompt = self._prompt, None
            if prompt is not None and await self.tts.say(PROMPTS[prompt]):
                self.board.say(PROMPTS[prompt])
