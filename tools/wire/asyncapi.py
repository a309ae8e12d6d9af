"""One AsyncAPI 3.0 document of the wire, as a terminal sees it: it sends what is up and receives what is down.

In: the tables and the schemas beside it. Out: asyncapi.json, which refers to the schemas.
"""

from __future__ import annotations

import json

from protocol import codes, topics
from protocol import fields as tables
from tools.wire import samples

# What each kind is for, in a line; the README's headings hold the same lines.
PURPOSE = {
    "boot": "the terminal has started, and what it is made of",
    "press": "a key has fired",
    "call": "one step of one attempt to reach one target",
    "event": "a fault has begun or ended, or something worth knowing happened",
    "day": "the terminal's own record of one Shanghai day",
    "result": "how a command ended",
    "hb": "heartbeat: alive, and how well",
    "state": "connected or not: online by the terminal, offline by its will",
    "receipt": "these messages are committed in the database: forget them",
    "route": "whom to dial for this press, instead of the stored plan",
    "desk": "what a person at the desk has done: the lamp",
    "config": "the whole configuration",
    "cmd": "do something and answer with a result",
}


def _message(direction: str, kind: str) -> dict[str, object]:
    return {
        "name": kind,
        "summary": PURPOSE[kind],
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft/2020-12",
            "schema": {"$ref": f"{direction}.{kind}.json"},
        },
        "examples": [{"name": "full", "payload": samples.full(direction, kind)}],
    }


def document() -> dict[str, object]:
    """The document."""
    channels: dict[str, object] = {}
    operations: dict[str, object] = {}
    for direction, kinds in tables.KINDS.items():
        for kind in kinds:
            name = f"{direction}.{kind}"
            channels[name] = {
                "address": f"{topics.PREFIX}/{direction}/{kind}/{{device}}",
                "summary": PURPOSE[kind],
                "parameters": {"device": {"description": "device id: 6 to 20 capitals and digits"}},
                "messages": {kind: _message(direction, kind)},
            }
            operations[name] = {
                "action": "send" if direction == "up" else "receive",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{kind}"}],
                "bindings": {"mqtt": {"qos": 1, "retain": kind in codes.RETAINED_KINDS, "bindingVersion": "0.2.0"}},
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OneKeyCall terminal",
            "version": "1.0.0",
            "description": "Generated from the tables of the package `protocol`; README.md beside it is normative.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "{host}:8883",
                "protocol": "secure-mqtt",
                "protocolVersion": "3.1.1",
                "variables": {"host": {"description": "host of the broker, by configuration"}},
                "bindings": {"mqtt": {"cleanSession": False, "keepAlive": 300, "bindingVersion": "0.2.0"}},
            }
        },
        "channels": channels,
        "operations": operations,
    }


def files() -> dict[str, str]:
    """The file name and its text."""
    return {"asyncapi.json": json.dumps(document(), ensure_ascii=False, indent=1) + "\n"}
