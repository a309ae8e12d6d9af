"""The board's half of the acceptance test; sent to a terminal through its console and run there, never stored.

In: lines of JSON on the console, {"n", "do", ...}. Out: lines of JSON: {"n", "ok", ...} for each, and {"ev", ...} for
whatever happens meanwhile. It uses the firmware's own parts as they are, but not its alarm: no key dials anybody.
"""

import asyncio
import json
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_POLL_S = 0.01
_SETTLE_S = 0.3  # contacts are not believed for 200 ms after a start
_LINE_MAX = 512
_ON_MS, _OFF_MS, _TONE_HZ = 350, 350, 2_300  # slow enough to be counted aloud


def say(fields: "dict[str, object]") -> None:
    """One line to the bench."""
    sys.stdout.write(json.dumps(fields) + "\n")


class Bench:
    """One session. `terminal` is the firmware's own, with the tasks that a test needs."""

    def __init__(self) -> None:
        from firmware import entry
        from firmware.core import watch
        from firmware.core.debounce import Debouncer
        from firmware.hal import resets
        from firmware.hal.cells import Cells
        from firmware.hal.esp32 import Board
        from firmware.hal.parts import Parts

        cells = Cells()
        self.board = Board(Parts(entry.table(cells)), resets.cause())
        self.board.note = self.note  # type: ignore[method-assign]
        self.terminal = entry.build(watch.FULL, self.board)
        self.debouncer = Debouncer(self.board.keys, self.board.now())
        self.keeper: object = None
        self.mains = self.board.mains()
        on_step = self.terminal.voice.on_step

        def step(what: str, cause: "str | None") -> None:
            say({"ev": "call", "step": what, "cause": cause})
            on_step(what, cause)

        self.terminal.voice.on_step = step
        self.terminal.ladder.dtmf = self.digit  # type: ignore[method-assign]

    def note(self, what: str, fields: "dict[str, object]") -> None:
        """What the firmware says of itself, but nothing with a number in it."""
        if what in ("connected", "disconnected", "receipt", "registered", "unregistered", "task_failed"):
            say({"ev": what, "ids": fields.get("ids"), "why": fields.get("why") or fields.get("error")})

    def digit(self, key: str, now: int) -> "list[tuple[object, ...]]":
        """A key that the other side pressed. It means nothing to an alarm here."""
        say({"ev": "digit", "key": key})
        return []

    def start(self) -> None:
        """The tasks that a test needs. Neither keys nor telemetry: nobody is called, nothing is reported."""
        from firmware.app.keeper import Keeper

        terminal = self.terminal
        tasks = terminal.channels.tasks() + [
            ("contacts", self.board.watch),
            ("voice", terminal.voice.run),
            ("modem", terminal.modem.run),
            ("sender", terminal.sender.run),
            ("commands", terminal.commands.run),
        ]
        if self.board.nvs.get("device"):
            tasks.append(("link", terminal.link.run))
        keeper = Keeper(lambda: tasks, self.note)
        keeper.start()
        self.keeper = asyncio.create_task(keeper.run())

    async def run(self) -> None:
        """Until the bench says `end`, or interrupts."""
        self.start()
        console = select.poll()
        console.register(sys.stdin, select.POLLIN)
        line = ""
        await asyncio.sleep(_SETTLE_S)
        self.look()
        say({"ev": "begun", "board": self.board.name, "keys": list(self.board.keys), "levels": self.board.levels()})
        while True:
            self.board.feed()
            self.look()
            while console.poll(0):
                piece = sys.stdin.read(1)
                if not piece:
                    return
                if piece == "\n":
                    if not await self.obey(line):
                        return
                    line = ""
                elif len(line) < _LINE_MAX:
                    line += piece
            await asyncio.sleep(_POLL_S)

    def look(self) -> None:
        """Keys and mains."""
        for edge in self.debouncer.poll(self.board.levels(), self.board.now()):
            say({"ev": "key", "what": edge[0], "key": edge[1]})
        mains = self.board.mains()
        if mains != self.mains:
            self.mains = mains
            say({"ev": "mains", "on": mains})

    async def obey(self, line: str) -> bool:
        """One line of the bench; False ends the session."""
        try:
            wanted = json.loads(line)
            what = wanted["do"]
            if what == "end":
                say({"n": wanted["n"], "ok": 1})
                return False
            answer = await getattr(self, "do_" + what)(wanted)
            answer["n"], answer["ok"] = wanted["n"], 1
            say(answer)
        except Exception as error:
            say({"n": wanted.get("n") if isinstance(wanted, dict) else None, "ok": 0, "why": repr(error)[:120]})
        return True

    async def do_lamp(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """Light the lamp `count` times in `colour`."""
        parts = self.board.parts
        await self._times(int(wanted["count"]), lambda on: parts.light(str(wanted["colour"]) if on else "none"))
        return {}

    async def do_beep(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """Sound the buzzer `count` times."""
        await self._times(int(wanted["count"]), lambda on: self.board.parts.tone(_TONE_HZ if on else 0))
        return {}

    async def _times(self, count: int, do: "Callable[[bool], None]") -> None:
        for _ in range(count):
            for on, ms in ((True, _ON_MS), (False, _OFF_MS)):
                do(on)
                self.board.feed()
                await asyncio.sleep(ms / 1_000)

    async def do_facts(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """What modem and supply say now."""
        modem, board = self.terminal.modem, self.board
        csq = modem.csq
        if modem.ready:
            await modem.refresh()
            reply = await modem.at.command("AT+CSQ", prefix="+CSQ:")  # the firmware looks once a minute
            csq = int(reply.lines[0].split(":")[1].split(",")[0])
        return {
            "ready": modem.ready,
            "sim": modem.sim,
            "iccid": modem.iccid,
            "imei": modem.imei,
            "reg": modem.reg,
            "csq": csq,
            "modem": modem.version,
            "can": sorted(modem.can),
            "cell_mv": board.cell_mv() or modem.mv,
            "mains": board.mains(),
            "levels": board.levels(),
            "online": self.terminal.link.client is not None,
        }

    async def do_speak(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """Something from the loudspeaker that can be told back: a spoken word, or so many tones."""
        if wanted.get("text"):
            return {"done": await self.terminal.tts.say(str(wanted["text"]))}
        for _ in range(int(wanted["count"])):
            await self.terminal.modem.at.command("AT+STTONE=1,16,%d" % _ON_MS)
            await asyncio.sleep((_ON_MS + _OFF_MS) / 1_000)
        return {"done": True}

    async def do_dial(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """Call a number; what becomes of it comes as events."""
        await self.terminal.voice.dial(str(wanted["number"]))
        return {}

    async def do_hangup(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """End the call."""
        await self.terminal.voice.hang_up("local_hangup")
        return {}

    async def do_press(self, wanted: "dict[str, Any]") -> "dict[str, object]":
        """Send the press of a test; the receipt for its id comes as an event."""
        return {"id": self.terminal.mail.post("press", {"key": wanted["key"], "hold": 0, "how": "test"})}


asyncio.run(Bench().run())
