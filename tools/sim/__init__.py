"""`onekey sim`: the SIM cards in stock, by which a terminal gets its phone number. `app` is in command.py."""

from tools.sim.command import app

__all__ = ["app"]
