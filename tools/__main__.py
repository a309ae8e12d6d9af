"""`onekey`: the command table. A command is one row here and one module with a Typer `app`.

Modules are imported only when their command is called, so that a terminal starts without the cloud's libraries.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click
import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

# name: (module with `app`, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("tools.story.command", "The whole system on embedded parts; --once plays one story and ends."),
    "serve": ("tools.serve", "Run one process of the cloud: web, ingest, sweep or send."),
    "db": ("tools.db", "Prepare the database: migrate."),
    "device": ("tools.device", "The registry of terminals: add, list, show."),
    "health": ("tools.health", "Which terminals are silent, since when and why."),
    "billing": ("tools.billing", "Close days, export the ledger, price it."),
    "seed": ("tools.seed", "Fill a database with a small invented town."),
    "simulate": ("tools.simulate", "A fleet of terminals without hardware, against any broker."),
    "terminal": ("tools.terminal", "The real firmware in MicroPython on this machine."),
    "modem": ("tools.modem", "A SIM800 on a pseudo-terminal, with a scripted phone network."),
    "protocol": ("tools.wire", "JSON Schema, AsyncAPI and vectors, made from the protocol's tables."),
    "flash": ("tools.flash", "Identify a board on a serial port, write and verify an image."),
}


class Table(TyperGroup):
    """The commands above, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's own module, or a name and a line of help while the table itself is printed."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if ctx.resilient_parsing or not _is_called(cmd_name):
            return click.Command(cmd_name, help=line)
        command = typer.main.get_command(importlib.import_module(module).app)
        command.name = cmd_name
        command.help = command.help or line
        return command


def _is_called(name: str, argv: Sequence[str] | None = None) -> bool:
    words = [word for word in (sys.argv[1:] if argv is None else argv) if not word.startswith("-")]
    return bool(words) and words[0] == name


app = typer.Typer(cls=Table, no_args_is_help=True, add_completion=False, help="OneKeyCall 一键呼")


@app.callback()
def _table() -> None:
    """OneKeyCall 一键呼."""


def main() -> None:
    """Entry point of `onekey`."""
    app()


if __name__ == "__main__":
    main()
