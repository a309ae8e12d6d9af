"""`onekey provision`: makes a board a terminal. `app` is in command.py; the flow of flashing calls work.provision."""

from tools.provision.command import app

__all__ = ["app"]
