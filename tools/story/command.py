"""`onekey demo`: start everything, tell the address of the page, and press keys or play the story.

Ctrl-C or SIGTERM at any point ends every process and removes every file; only figures go to standard output.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from tools.story.firmware import FirmwareStory
from tools.story.keyboard import play, show
from tools.story.lines import SilenceError
from tools.story.once import NETWORK
from tools.story.standin import StandIn, StandInStory
from tools.story.system import System
from tools.story.terminal import Terminal
from tools.story.watch import Watch
from tools.terminal import find_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

TERMINALS_MAX = 200  # one process of the simulator and one laptop; a larger fleet is `onekey simulate`
FAILED, INTERRUPTED = 1, 130
AGAIN, AGAIN_S = hasattr(signal, "setitimer"), 0.5

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Ended(BaseException):
    """Somebody wants the demo to end: not an error, and nothing may swallow it."""


@app.command()
def demo(
    terminals: Annotated[int, typer.Option(min=0, max=TERMINALS_MAX, help="Simulated ones beside the real one.")] = 20,
    once: Annotated[bool, typer.Option(help="Play one story and end.")] = False,
    simulated: Annotated[bool, typer.Option(help="No firmware: a simulated terminal in its place.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --once: print what was measured as one object.")
    ] = False,
) -> None:
    """The whole system on embedded parts."""
    listen()
    code = 0
    try:
        with System(terminals, _say) as system:
            try:
                code = _run(system, once=once, simulated=simulated, as_json=as_json)
            finally:
                # The first request to end is enough; a second must not cut the tidying short.
                _turn(signal.SIG_IGN)
    except Ended:
        _say("ended")
        code = INTERRUPTED
    raise typer.Exit(code)


def _run(system: System, *, once: bool, simulated: bool, as_json: bool) -> int:
    system.start_servers()
    system.start_cloud()
    if not once:
        system.show["terminal"] = show
    if not simulated and (sys.platform == "win32" or find_runtime(None) is None):
        _say("no MicroPython for this platform: a simulated terminal stands in for the real firmware")
        simulated = True
    terminal = StandIn(system) if simulated else Terminal(system, NETWORK)
    system.start_fleet()
    terminal.start()
    _say(f"值班页面 / the desk's page: {system.page}")
    if not once:
        play(terminal)
        return 0
    watch = Watch(system.dsn, system.box)
    try:
        story = (
            StandInStory(system, terminal, watch)
            if isinstance(terminal, StandIn)
            else FirmwareStory(system, terminal, watch)
        )
        figures = story.play()
    except (SilenceError, RuntimeError, OSError) as error:
        _say(f"the story stopped: {error}")
        kept = Path(tempfile.mkdtemp(prefix="onekey-demo-logs-"))
        system.keep_logs(kept)
        _say(f"logs of every part are in {kept}")
        return FAILED
    finally:
        watch.close()
    if as_json:
        print(json.dumps(figures, ensure_ascii=False), flush=True)
    else:
        _tell(figures)
    lost = figures["press"]["lost"] or figures["press"]["doubled"] or figures["receipts"]["outstanding"]
    return FAILED if lost else 0


def _tell(figures: dict[str, dict[str, object]]) -> None:
    for name, value in figures.items():
        print(f"{name:>9}: {json.dumps(value, ensure_ascii=False)}")


def _say(text: str) -> None:
    print(f"[demo] {text}", file=sys.stderr, flush=True)


def listen() -> None:
    """From now on a request to end raises Ended."""
    _turn(_end)


def _turn(to: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, *([signal.SIGALRM] if AGAIN else [])):
        signal.signal(number, to)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    if AGAIN:
        # Raised inside a finalizer or an import's callback it would be printed and forgotten: so it is raised again.
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    raise Ended
