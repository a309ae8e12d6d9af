"""A SIM800 on a pseudo-terminal, with a scripted telephone network and real TCP: `onekey modem --pty`.

In: AT commands on the PTY, switches on a control socket. Out: what a SIM800 says, and JSON lines of what happened.
Written from the vendor's manual and knows nothing of our product, so that the firmware meets a modem and not a mirror.
Not imitated, each with its place: the multiplexer (`line.py` would carry channels; AT+CMUX answers ERROR), the pace of
a 2G network (`connection.py`), faults at random (`core.py`, where bytes leave).
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def modem(
    *,
    pty: Annotated[bool, typer.Option("--pty", help="Run on a pseudo-terminal, the only port there is.")] = False,
    link: Annotated[Path | None, typer.Option(help="Make a symlink to the pseudo-terminal here.")] = None,
    control: Annotated[Path | None, typer.Option(help="Listen for control commands on this Unix socket.")] = None,
    script: Annotated[Path | None, typer.Option(help="What each telephone number does, as TOML.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="Divide all delays of the modem by this.")] = 1.0,
    imei: Annotated[str, typer.Option(help="15 digits.")] = "860000000000017",
) -> None:
    """A SIM800 on a pseudo-terminal, with a scripted phone network."""
    if not pty:
        raise typer.BadParameter("say --pty: the emulator has no other port")
    if sys.platform == "win32":
        raise typer.BadParameter("Windows has no pseudo-terminals")
    if not (len(imei) == 15 and imei.isdigit()):
        raise typer.BadParameter("an IMEI has 15 digits")
    # Imported here: they need termios, which not every platform has.
    from tools.modem import port  # noqa: PLC0415
    from tools.modem.dialect import Identity  # noqa: PLC0415
    from tools.modem.network import Network  # noqa: PLC0415
    from tools.modem.script import ScriptError, load  # noqa: PLC0415

    network = Network()
    try:
        for number, plan in (load(script) if script else {}).items():
            network.set_plan(number, plan)
    except ScriptError as error:
        print(f"onekey modem: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    try:
        asyncio.run(port.run(network, Identity(imei=imei), speed, link, control))
    except OSError as error:
        print(f"onekey modem: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
