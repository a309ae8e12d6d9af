"""`onekey stock`: identities for benches, their signed records, codes of consoles. `app` is in command.py."""

from tools.stock.command import app

__all__ = ["app"]
