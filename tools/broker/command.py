"""The commands of `onekey broker`: config, credentials, follow.

In: the command line, and for credentials the registry. Out: files for Mosquitto, and what was done as text or as one
JSON object. Must never print a password.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from cloud import db
from cloud.devices import followers
from cloud.run.process import run
from cloud.settings import DatabaseSettings, SettingsError, WatchedSettings, is_loopback, load
from tools.broker import config as conf
from tools.broker import files
from tools.broker.figures import Door
from tools.broker.follow import Applied, apply, service
from tools.registry import refused, say

app = typer.Typer(no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Out = Annotated[Path, typer.Option(help="The broker's folder, as it is called on the broker's machine.")]
TLS_PORT, PLAIN_PORT = 8883, 1883


@app.callback()
def _broker() -> None:
    """The broker as part of the product: Mosquitto 2.0, hardened, with the registry's credentials."""


@app.command()
def config(
    *,
    out: Out,
    certificates: Annotated[
        Path | None, typer.Option(help="Folder of server.crt and server.key (`onekey pki server`); else --out.")
    ] = None,
    address: Annotated[str, typer.Option(help="Where terminals come in.")] = "0.0.0.0",
    port: Annotated[int, typer.Option(help="Port for terminals, TLS.", min=1, max=65_535)] = TLS_PORT,
    inside_address: Annotated[
        str, typer.Option(help="Where the cloud comes in; in the clear on loopback, else TLS.")
    ] = "127.0.0.1",
    inside_port: Annotated[int, typer.Option(help="Port for the cloud.", min=1, max=65_535)] = PLAIN_PORT,
    data: Annotated[Path, typer.Option(help="Folder for sessions and queues.")] = Path("/var/lib/mosquitto"),
    user: Annotated[str, typer.Option(help="User that the broker runs as.")] = "mosquitto",
    as_json: Json = False,
) -> None:
    """Write mosquitto.conf, topic rules and our own users; passwords that are there are kept."""
    out = out.absolute()
    shown = (certificates or out).absolute()
    if missing := [name for name in ("server.crt", "server.key") if not (shown / name).is_file()]:
        raise refused(f"{shown} lacks {' and '.join(missing)}: onekey pki server --host NAME --out {shown}")
    out.mkdir(parents=True, exist_ok=True)
    plan = plan_of(
        out, shown, outside=(address, port), inside=(inside_address, inside_port), data=data.absolute(), user=user
    )
    files.put_own_users(out, (conf.CLOUD, conf.MONITOR))
    files.put(out / files.TERMINAL_RULES, conf.terminal_rules())
    files.put(out / files.CLOUD_RULES, conf.cloud_rules())
    if not (out / files.TERMINAL_USERS).exists():
        files.put(out / files.TERMINAL_USERS, "", files.PRIVATE)  # nobody yet
    files.put(out / files.CONFIG, conf.text(plan))
    told = {"config": str(out / files.CONFIG), "cloud_password_file": str(out / f"{conf.CLOUD}.password")}
    say(as_json, told, "\n".join([*told.values(), "next: onekey broker credentials, then start the broker with it"]))


def plan_of(
    out: Path, certificates: Path, *, outside: tuple[str, int], inside: tuple[str, int], data: Path, user: str
) -> conf.Plan:
    """Two doors: terminals by TLS under their own names, the cloud by another with users of its own."""
    outer = conf.Door(
        address=outside[0], port=outside[1], users=out / files.TERMINAL_USERS, rules=out / files.TERMINAL_RULES,
        connections_max=2 * conf.TERMINALS_MAX, certificates=certificates, named_by_user=True,
    )  # fmt: skip
    inner = conf.Door(
        address=inside[0], port=inside[1], users=out / files.CLOUD_USERS, rules=out / files.CLOUD_RULES,
        connections_max=conf.INSIDE_CONNECTIONS_MAX, certificates=None if is_loopback(inside[0]) else certificates,
    )  # fmt: skip
    return conf.Plan(doors=(outer, inner), data=data, pid_file=out / files.PID, user=user)


@app.command()
def credentials(
    *,
    out: Out,
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Although many terminals are cut off.")] = False,
    as_json: Json = False,
) -> None:
    """Write what the broker checks terminals' passwords against, as the registry has it now, and have it read again."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        told = runner.run(_once(out.absolute(), accept_loss=accept_loss))
    if told.held_back:
        raise refused(
            f"{told.held_back} terminals of the broker's list are not in the registry; nothing was changed."
            " If they are to be cut off, say --accept-loss"
        )
    say(as_json, {"credentials": told.count, "reread": told.reread}, f"{told.count} credentials; {told.state}")


async def _once(folder: Path, *, accept_loss: bool) -> Applied:
    try:
        settings = load(DatabaseSettings)
        async with await db.connect(settings.database_url) as conn:
            return apply(folder, await followers.credentials(conn), accept_loss=accept_loss)
    except SettingsError as error:
        raise refused(str(error)) from None
    except psycopg.errors.UndefinedTable:
        raise refused("the database is not migrated; run `onekey db migrate`") from None
    except psycopg.OperationalError:
        raise refused("the database that OKC_DATABASE_URL names cannot be reached") from None


@app.command()
def follow(
    *,
    out: Out,
    name: Annotated[str, typer.Option(help="What this broker is called in the registry.")] = "",
    inside_address: Annotated[str, typer.Option(help="The cloud's door, as given to `config`.")] = "127.0.0.1",
    inside_port: Annotated[int, typer.Option(help="Its port.", min=1, max=65_535)] = PLAIN_PORT,
    ca: Annotated[Path | None, typer.Option(help="The roots, where that door is not on loopback.")] = None,
) -> None:
    """Keep the broker's list as the registry is, until SIGTERM: a revoked terminal is cut off within seconds.

    Beside it the broker's own figures are shown as /metrics and /health.
    """
    if ca is None and not is_loopback(inside_address):
        raise refused("the roots of a door that others can reach: --ca")
    try:
        tls = None if ca is None else ssl.create_default_context(cafile=str(ca))
    except OSError:
        raise refused(f"{ca} holds no roots (PEM)") from None
    door = Door(inside_address, inside_port, tls)
    run(service(out.absolute(), name or socket.gethostname(), door), WatchedSettings)
