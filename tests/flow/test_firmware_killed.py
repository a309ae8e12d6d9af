"""The real firmware is killed with an outbox full of presses; the whole cloud counts what arrives after it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from tools.story.once import NETWORK
from tools.story.system import DEVICE, READY_S, System
from tools.story.terminal import Terminal
from tools.story.watch import Watch

PRESSES = 30
WAIT_S = 60.0
HELD_MS = 400  # a busy machine may not look at a contact for a tenth of a second and more


def test_a_firmware_killed_with_a_full_outbox_loses_and_doubles_nothing() -> None:
    """Pressed without data, killed twice with everything unsent: stored = sent, by id and key, each once."""
    with System(0, lambda _text: None) as system:
        system.start_servers()
        system.start_cloud()
        terminal = Terminal(system, NETWORK)
        terminal.start()
        watch = Watch(system.dsn, system.box)
        try:
            terminal.note("connected", READY_S)
            mark = terminal.lines.mark()
            terminal.tell("data off")
            terminal.note("disconnected", WAIT_S, mark)
            sent = _press_and_kill(terminal, watch)
            terminal.tell("data on")
            terminal.note("connected", READY_S)
            watch.until_true(lambda: set(sent) <= watch.message_ids(), WAIT_S, "every press")
            rows = watch.rows("select id, body->>'key' from message where device_id = %s and kind = 'press'", DEVICE)
            assert Counter(rows) == Counter(sent.items())
            watch.until_true(lambda: terminal.outstanding() == 0, WAIT_S, "every receipt")
        finally:
            watch.close()


def _holds(file: Path, text: bytes) -> bool:
    return file.exists() and text in file.read_bytes()


def _press_and_kill(terminal: Terminal, watch: Watch) -> dict[str, str]:
    """{id: key} of presses, as the firmware noted them before each kill -9."""
    sent: dict[str, str] = {}
    outbox = terminal.folder / "state" / "outbox"
    for _life in range(2):
        for _ in range(PRESSES // 2):
            pressed = terminal.press("cancel", HELD_MS)
            message_id = str(terminal.note("press", WAIT_S, pressed.mark).data["id"])
            sent[message_id] = "cancel"
        # A dial goes before storage, so the last press lies there some 50 ms and a write after it fired.
        last = message_id.encode()
        watch.until_true(partial(_holds, outbox, last), WAIT_S, "the last press stored")
        terminal.system.kill("terminal")
        terminal.start_firmware()
        # Keys are deaf for a moment after a start, until their contacts are known to be at rest.
        terminal.note("registered", READY_S)
    return sent
