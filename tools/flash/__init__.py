"""`onekey flash`: from a board on a port to a terminal that is written, registered, tested and started."""

from tools.flash.command import app

__all__ = ["app"]
