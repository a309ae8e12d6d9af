"""`onekey`: the command table. A command is one row here and one module with a Typer `app`.

Modules are imported only when their command is called, so that a terminal starts without the cloud's libraries.
"""

from __future__ import annotations

import importlib
import sys

# name: (module with `app`, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("tools.story.command", "The whole system on embedded parts; --once plays one story and ends."),
    "serve": ("tools.serve", "Run one process of the cloud: web, ingest, sweep or send."),
    "db": ("tools.db", "Prepare the database: migrate."),
    "device": ("tools.device", "The registry of terminals: add, list, show."),
    "stock": ("tools.stock", "Identities for benches: reserve, merge what they signed, unlock codes."),
    "sim": ("tools.sim", "SIM cards in stock: import, list, export to a bench."),
    "provision": ("tools.provision", "Make a board a terminal: identity, number, plan, console lock."),
    "check-terminal": ("tools.accept.command", "The guided acceptance test of a provisioned board; its label."),
    "install": ("tools.install.install", "Put a terminal into a home; --offline, --send."),
    "swap": ("tools.install.swap", "Another terminal for the same home."),
    "remove": ("tools.install.remove", "Take a terminal out of a home."),
    "retire": ("tools.install.retire", "End a terminal for good."),
    "broker": ("tools.broker", "Mosquitto's configuration and credentials: config, credentials, follow."),
    "pki": ("tools.pki", "Our own certificates: roots, servers, rotation, roots for terminals."),
    "health": ("tools.health", "Which terminals are silent, since when and why."),
    "quarantine": ("tools.quarantine", "Messages that could not be taken: list, show, correct, replay, drop."),
    "billing": ("tools.billing", "Close days, export the ledger, price it."),
    "seed": ("tools.seed", "Fill a database with a small invented town."),
    "simulate": ("tools.simulate", "A fleet of terminals without hardware, against any broker."),
    "terminal": ("tools.terminal", "The real firmware in MicroPython on this machine."),
    "modem": ("tools.modem", "A SIM800 on a pseudo-terminal, with a scripted phone network."),
    "chip": ("tools.chip.command", "A board without hardware: a port to flash, keys to press."),
    "protocol": ("tools.wire", "JSON Schema, AsyncAPI and vectors, made from the protocol's tables."),
    "bench": ("tools.bench", "Figures of the product against their targets: terminal, fleet, ingest, credentials …"),
    "hardware": ("tools.hardware.command", "Our board: circuit, rules, lists, drawings; check, write."),
    "label": ("tools.label.command", "A passed terminal's label once more: reprint."),
    "guide": ("tools.guide.command", "The technician's one-page picture guide, as a PDF to print."),
    "flash": ("tools.flash", "From a board on a serial port to a terminal: write, verify, install, register, test."),
    "image": ("tools.image", "Images that this bench may write: add, list, remove."),
}


def usage() -> str:
    """The table as text."""
    width = max(map(len, COMMANDS))
    rows = [f"  {name:<{width}}  {line}" for name, (_module, line) in COMMANDS.items()]
    return "\n".join(["OneKeyCall 一键呼", "", "usage: onekey COMMAND [--help] ...", "", *rows])


def main() -> None:
    """Entry point of `onekey`: prints the table, or hands over to the command's own module."""
    words = sys.argv[1:]
    if not words or words[0] in ("--help", "-h", "help"):
        print(usage())
        return
    if words[0] not in COMMANDS:
        print(f"onekey: no command {words[0]!r}\n\n{usage()}", file=sys.stderr)
        raise SystemExit(2)
    app = importlib.import_module(COMMANDS[words[0]][0]).app
    app(args=words[1:], prog_name=f"onekey {words[0]}")


if __name__ == "__main__":
    main()
