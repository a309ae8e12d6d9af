"""The chip's way into the program, as main.py is the desk's.

In: the chip at power on. Out: a terminal, or what is left of it. Order: lines at rest and watchdog, count of failed
starts, file system, parts, tasks with the keys first; the modem, and the network last. Each import stands where it is
needed: what is broken must not stop what comes before it.
"""

from firmware.boot import files, start
from firmware.core import watch
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.board.table import Table
    from firmware.hal.cells import Cells
    from firmware.hal.esp32 import Board
    from firmware.hal.parts import Parts
    from firmware.main import Terminal

_NVS_BOARD = const("board")  # name of the table; provisioning writes it on any but our own board
_NOT_NEEDED_TO_CALL = const(("sender", "link", "telemetry", "commands", "selftest"))
_NOWHERE = const("/nowhere")  # a folder that is not there: every read finds nothing, every write is told as failed


def table(cells: "Cells") -> "type[Table]":
    """Of the board that this image runs on."""
    if cells.get(_NVS_BOARD) == b"lilygo-tcall-sim800l":
        from firmware.board.lilygo_tcall_sim800l import Board as Bench

        return Bench
    from firmware.board.okb_a import Board

    return Board


def power_on() -> None:
    """Never returns."""
    from firmware.hal import lock, resets
    from firmware.hal.cells import Cells
    from firmware.hal.parts import Parts

    cells = Cells()
    parts = Parts(table(cells))
    cause = resets.cause()
    lock.close(cells)

    def terminal(mode: str) -> None:
        run(mode, parts, cause)

    def bare() -> None:
        from firmware.bare import Bare

        Bare(parts, cells).run()

    start.start(cells, cause, terminal, bare, resets.reboot)


def build(mode: str, board: "Board") -> "Terminal":
    """The terminal of this board's identity. In the mode SAFE it sees no file."""
    from firmware.app import identity
    from firmware.main import Terminal

    who = identity.read(board.nvs)
    state = mount() if mode == watch.FULL else files.ABSENT
    if state == files.ABSENT:
        board.folder = _NOWHERE
    terminal = Terminal(board, who.device, who.server, who.password, who.roots)
    if state == files.FORMATTED:
        terminal.telemetry.fault("storage_damaged")
    if mode != watch.FULL:
        terminal.supervisor.retry_ms = watch.AGAIN_MS
        terminal.left_out = _NOT_NEEDED_TO_CALL
    elif not who.complete:
        terminal.left_out = ("link",)
    return terminal


def mount() -> str:
    """The file system of the chip at the root. An official image has mounted it, and it must not be made anew then."""
    try:
        import os

        import vfs

        from firmware.hal import disk

        if files.stands(os, "/"):
            return files.MOUNTED

        return files.mount(vfs, disk.device(), "/")
    except Exception:
        return files.ABSENT


def run(mode: str, parts: "Parts", cause: str) -> None:
    """Ends only if it cannot go on."""
    import asyncio

    from firmware.hal.esp32 import Board

    board = Board(parts, cause)
    board.lamp("starting")
    asyncio.run(build(mode, board).run())
