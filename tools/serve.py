"""`onekey serve web|ingest|sweep|send`: become one process of the cloud. Settings come from the environment."""

from __future__ import annotations

import importlib
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


class Process(StrEnum):
    """The processes of the cloud."""

    INGEST = "ingest"
    SEND = "send"
    SWEEP = "sweep"
    WEB = "web"


@app.command()
def serve(process: Annotated[Process, typer.Argument(help="Which one.")]) -> None:
    """Run one process of the cloud until SIGTERM or Ctrl-C; it prints `ready` once it works."""
    module = importlib.import_module(f"cloud.run.{process.value}")
    importlib.import_module("cloud.run.process").run(module.main)
