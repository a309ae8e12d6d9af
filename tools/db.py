"""`onekey db migrate`: prepare the database that OKC_DATABASE_URL names."""

from __future__ import annotations

import json
from typing import Annotated

import psycopg
import typer

from cloud.db import MigrationError, migrate
from cloud.settings import DatabaseSettings, SettingsError, load

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def _db() -> None:
    """Prepare the database."""


@app.command("migrate")
def migrate_command(
    timescale: Annotated[bool, typer.Option(help="Make the extension timescaledb first, and use it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Apply the migrations that are missing. Safe to run again, and from two machines at once."""
    try:
        applied = migrate(load(DatabaseSettings).database_url, timescale=timescale)
    except (SettingsError, MigrationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except psycopg.errors.FeatureNotSupported:
        typer.echo("this server has no TimescaleDB, or not with its community licence", err=True)
        raise typer.Exit(2) from None
    except psycopg.OperationalError:
        # The driver's text may quote the connection string.
        typer.echo("the database that OKC_DATABASE_URL names cannot be reached", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps({"applied": applied}))
    else:
        typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
