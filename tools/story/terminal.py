"""One terminal with the real firmware and an emulated modem: its keys, what it shows, and whom its modem called."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from tools.story.keylog import KeyLog
from tools.story.system import DEVICE, READY_S

if TYPE_CHECKING:
    from tools.story.keylog import Pressed
    from tools.story.lines import Line, Lines
    from tools.story.system import System

CONTROL_S = 10.0  # the emulator answers at once; ten seconds mean it is gone


class Terminal:
    """Starts modem and firmware, writes key lines, and finds what followed in their lines."""

    def __init__(self, system: System, script: str) -> None:
        self.system = system
        self.folder = system.folder
        self.sent = KeyLog(self.folder / "sent.jsonl")
        self.keys = self.folder / "keys"
        self.uart = self.folder / "modem"
        self.control = self.folder / "modem.sock"
        self._script = self.folder / "network.toml"
        self._script.write_text(script)
        self.modem: Lines
        self.lines: Lines

    def start(self) -> None:
        """Modem first, then the firmware; returns when both run."""
        self.modem = self.system.spawn(
            "modem",
            [sys.executable, "-m", "tools", "modem", "--pty", "--link", str(self.uart), "--control", str(self.control),
             "--script", str(self._script)],
        )  # fmt: skip
        self.modem.wait_for(lambda line: bool(line.text), READY_S, "to name its pseudo-terminal")
        os.mkfifo(self.keys)
        self.start_firmware()

    def start_firmware(self) -> None:
        """The terminal alone, as after a power cut: its modem stayed on, its state folder is as it was."""
        password = self.system.secret_file("terminal.password", self.system.passwords[DEVICE])
        self.lines = self.system.spawn(
            "terminal",
            [sys.executable, "-m", "tools", "terminal", "--uart", str(self.uart), "--state", str(self.folder / "state"),
             "--keys", str(self.keys), "--device", DEVICE, "--server", f"127.0.0.1:{self.system.broker.port}",
             "--password-file", str(password)],
        )  # fmt: skip

    def press(self, key: str, hold_ms: int) -> Pressed:
        """Write one key line, noted in a file of ours before it is written."""
        pressed = self.sent.write(key, hold_ms, self.lines.mark(), self.modem.mark())
        with self.keys.open("w") as fifo:
            fifo.write(f"{key} {hold_ms}\n")
        return pressed

    def tell(self, command: str) -> str:
        """One command to the emulated modem and its phone network. Raises RuntimeError with its objection."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(CONTROL_S)
            line.connect(str(self.control))
            line.sendall(command.encode() + b"\n")
            answer = line.makefile("r", encoding="utf-8").readline().strip()
        if not answer.startswith("ok"):
            raise RuntimeError(f"modem: {command.split(maxsplit=1)[0]}: {answer}")
        return answer[2:].strip()

    def note(self, what: str, wait_s: float, mark: int = 0, **fields: Any) -> Line:
        """The first line of the firmware with that note and those fields after `mark`."""
        wanted = {"note": what, **fields}
        return self.lines.wait_for(lambda line: _has(line, wanted), wait_s, f"note {what}", mark)

    def lamp(self, what: str, wait_s: float, mark: int = 0) -> Line:
        """The first time the lamp shows that after `mark`."""
        return self.lines.wait_for(lambda line: line.data.get("lamp") == what, wait_s, f"lamp {what}", mark)

    def modem_event(self, what: str, wait_s: float, mark: int = 0, **fields: Any) -> Line:
        """The first event of the modem's own log with those fields after `mark`."""
        wanted = {"ev": what, **fields}
        return self.modem.wait_for(lambda line: _has(line, wanted), wait_s, f"modem {what}", mark)

    def dialled(self, mark: int = 0) -> list[str]:
        """Numbers that the modem was told to dial after `mark`, in order."""
        return [str(line.data["number"]) for line in self.modem.since(mark) if line.data.get("ev") == "dial"]

    def receipted(self) -> set[str]:
        """Ids of messages that the cloud has receipted and the terminal has seen so."""
        return {id_ for line in self.lines.since(0) if line.data.get("note") == "receipt" for id_ in line.data["ids"]}

    def outstanding(self) -> int:
        """Messages that the terminal still holds, as it said with the last receipt; 1 before the first."""
        left = [int(line.data["left"]) for line in self.lines.since(0) if line.data.get("note") == "receipt"]
        return left[-1] if left else 1


def _has(line: Line, wanted: dict[str, Any]) -> bool:
    return all(line.data.get(name) == value for name, value in wanted.items())
