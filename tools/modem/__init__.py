"""A SIM800 on a pseudo-terminal, with a scripted telephone network and real TCP: `onekey modem --pty`.

In: AT commands on the PTY, switches on a control socket. Out: what a SIM800 says, and JSON lines of what happened.
Written from the vendor's manual and knows nothing of our product, so that the firmware meets a modem and not a mirror.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tools.modem.models import MODELS
from tools.modem.pace import PACES

app = typer.Typer(add_completion=False)


@app.command()
def modem(
    *,
    pty: Annotated[bool, typer.Option("--pty", help="Run on a pseudo-terminal, the only port there is.")] = False,
    link: Annotated[Path | None, typer.Option(help="Make a symlink to the pseudo-terminal here.")] = None,
    control: Annotated[Path | None, typer.Option(help="Listen for control commands on this Unix socket.")] = None,
    script: Annotated[Path | None, typer.Option(help="What each number does, and faults, as TOML.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="Divide all delays of the modem by this.")] = 1.0,
    imei: Annotated[str, typer.Option(help="15 digits.")] = "860000000000017",
    faults: Annotated[str, typer.Option(help="Faults at random: SEED, or SEED:FAULTS-AN-HOUR.")] = "",
    model: Annotated[str, typer.Option(help="sim800c, or sim800l, which has no voice of its own.")] = "sim800c",
    cmux: Annotated[bool, typer.Option(help="Whether the module has a multiplexer.")] = True,
    pace: Annotated[str, typer.Option(help="none, or 2g: 700 ms, 20 kbit/s, 1 % of segments 5 s late.")] = "none",
    seed: Annotated[int, typer.Option(help="Of the segments that come late.")] = 0,
) -> None:
    """A SIM800 on a pseudo-terminal, with a scripted phone network."""
    if not pty:
        raise typer.BadParameter("say --pty: the emulator has no other port")
    if sys.platform == "win32":
        raise typer.BadParameter("Windows has no pseudo-terminals")
    if not (len(imei) == 15 and imei.isdigit()):
        raise typer.BadParameter("an IMEI has 15 digits")
    if model not in MODELS or pace not in PACES:
        raise typer.BadParameter(f"models: {', '.join(MODELS)}; paces: {', '.join(PACES)}")
    # Imported here: they need termios, which not every platform has.
    from tools.modem import port  # noqa: PLC0415
    from tools.modem.core import Modem  # noqa: PLC0415
    from tools.modem.dialect import Identity  # noqa: PLC0415
    from tools.modem.script import Script, ScriptError, drawn, load  # noqa: PLC0415

    try:
        story = load(script) if script else Script()
        trouble = drawn(faults, story.faults)
    except ScriptError as error:
        print(f"onekey modem: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    build = partial(
        Modem, network=story.network(), identity=Identity(imei=imei), speed=speed, faults=trouble, cmux=cmux,
        model=MODELS[model], pace=PACES[pace], seed=seed,
    )  # fmt: skip
    try:
        asyncio.run(port.run(build, link, control))
    except OSError as error:
        print(f"onekey modem: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
