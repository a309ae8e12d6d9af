"""`onekey chip`: a board without hardware, for whoever tries the technician's bench.

In: a folder that is the board, hands as lines of standard input or of a FIFO. Out: the port's name first, then one JSON
line for each thing that the board shows. It stores nothing outside its folder, and everything ends with it.
"""

from __future__ import annotations

import json
import os
import re
import select
import stat
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.chip.chip import Chip

app = typer.Typer(add_completion=False)

HANDS = (
    "sos 900 | cancel 300 | k1 700 (a key, for so many ms) | mains on | mains off | battery 3700 | unplug | plug | "
    "reset | power (away for a moment) | modem LINE (tools/modem/README.md) | quit"
)
LOOK_S = 0.1  # between two looks at lamp, buzzer, starts and modem
READ = 4_096
KEY_MS_MAX = 60_000
CELL_MV = (2_500, 4_500)
ICCID = "89860400000000000007"  # with a check digit, so that a list of SIM cards may hold it
MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")


@app.command()
def chip(
    *,
    folder: Annotated[
        Path | None, typer.Option(help="The board: its files and flash stay there. Else a new one.")
    ] = None,
    hands: Annotated[
        Path | None, typer.Option(help="FIFO of hands; made if it is missing. Else standard input.")
    ] = None,
    kind: Annotated[str, typer.Option("--chip", help="esp32, esp32s3, esp32c3 ...")] = "esp32",
    flash_mb: Annotated[int, typer.Option(min=1, max=128, help="Megabytes of flash, a power of two.")] = 4,
    mac: Annotated[str, typer.Option(help="Of the chip.")] = "24:6f:28:00:00:01",
    imei: Annotated[str, typer.Option(help="Of the modem; 15 digits.")] = "860000000000017",
    iccid: Annotated[str, typer.Option(help="Of the SIM card.")] = ICCID,
    script: Annotated[Path | None, typer.Option(help="What each number does, as for onekey modem.")] = None,
    blank: Annotated[bool, typer.Option(help="Nothing runs before an image was written.")] = True,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="Divide all delays of the modem by this.")] = 1.0,
) -> None:
    """A board on a pseudo-terminal: flash it, provision it, press its keys."""
    if not sys.platform.startswith("linux"):
        raise typer.BadParameter("its MicroPython has packages for Linux only")
    if not MAC.fullmatch(mac) or not (len(imei) == 15 and imei.isdigit()) or flash_mb & (flash_mb - 1):
        raise typer.BadParameter("a MAC has six pairs of digits, an IMEI 15 digits, a flash a power of two megabytes")
    from tools.chip.chip import Chip  # noqa: PLC0415 - needs termios, which not every platform has
    from tools.modem.script import Script, ScriptError, load  # noqa: PLC0415

    try:
        network = (load(script) if script else Script()).network()
    except ScriptError as error:
        print(f"onekey chip: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onekey-chip-")))
        folder.mkdir(parents=True, exist_ok=True)
        source = _fifo(hands, stack) if hands is not None else sys.stdin.fileno()
        board = stack.enter_context(
            Chip(
                folder.resolve(), chip=kind, mac=mac.lower(), flash_mb=flash_mb, imei=imei, iccid=iccid,
                network=network, blank=blank, speed=speed,
            )
        )  # fmt: skip
        print(board.port, flush=True)
        print(f"onekey chip: {HANDS}", file=sys.stderr)
        try:
            _serve(board, source)
        except KeyboardInterrupt:
            return


def _fifo(path: Path, stack: ExitStack) -> int:
    """Opened for both directions: it never ends when a writer leaves."""
    if not path.exists():
        os.mkfifo(path, 0o600)
    if not stat.S_ISFIFO(path.stat().st_mode):
        raise typer.BadParameter(f"{path} is there and is no FIFO")
    fd = os.open(path, os.O_RDWR)
    stack.callback(os.close, fd)
    return fd


def _serve(board: Chip, source: int) -> None:
    """Until somebody says quit, or standard input ends."""
    seen, rest = Seen(board), b""
    while True:
        for line in seen.news():
            print(json.dumps(line, ensure_ascii=False), flush=True)
        if not select.select([source], [], [], LOOK_S)[0]:
            continue
        data = os.read(source, READ)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for raw in lines:
            words = raw.decode("utf-8", "replace").split()
            if words == ["quit"]:
                return
            if words and (said := obey(board, words)) is not None:
                print(json.dumps(said, ensure_ascii=False), flush=True)


def obey(board: Chip, words: list[str]) -> dict[str, Any] | None:
    """Do what a line of hands says; an answer if there is one to give."""
    match words:
        case ["unplug"]:
            board.unplug()
        case ["plug"]:
            board.plug()
        case ["reset"]:
            board.reset()
        case ["power"]:
            board.reset(1)
        case ["mains", "on" | "off" as state]:
            board.mains(on=state == "on")
        case ["battery", number] if number.isdigit() and CELL_MV[0] <= int(number) <= CELL_MV[1]:
            board.battery_mv(int(number))
        case ["modem", *order] if order:
            return {"modem": board.control(" ".join(order))}
        case [key, number] if key in board.keys and number.isdigit() and 0 < int(number) <= KEY_MS_MAX:
            board.press(key, int(number))
        case _:
            return {"error": f"say: {HANDS}"}
    return None


class Seen:
    """What was told of a board already."""

    def __init__(self, board: Chip) -> None:
        self._board = board
        self._began = time.monotonic()
        self._told = dict.fromkeys(("lamp", "buzzer", "boots", "events"), 0)

    def news(self) -> Iterator[dict[str, Any]]:
        """Each thing once; `s` is seconds since this began."""
        board = self._board
        for at, value in self._new("lamp", board.lamp.changes):
            yield {"s": round(at - self._began, 2), "lamp": f"#{value:06x}"}
        for at, value in self._new("buzzer", board.buzzer.changes):
            yield {"s": round(at - self._began, 2), "buzzer": value}
        for cause in self._new("boots", board.boots):
            yield {"boot": cause}
        for event in self._new("events", board.events):
            yield {"modem": event}

    def _new(self, name: str, whole: list[Any]) -> list[Any]:
        begin = self._told[name]
        self._told[name] = len(whole)
        return whole[begin : self._told[name]]
