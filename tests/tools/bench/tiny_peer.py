"""A tiny peer for the judge's tests: it acknowledges what it has committed, or hastily what it has only received.

In: manner (right, hasty, careless), port of the broker, session, connection string, table. It runs until it is ended.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import psycopg
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

HELD = {"right": 1, "careless": 1, "hasty": 200}  # messages of one transaction


def row(message: MQTTMessage, manner: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(message.payload)
    del fields["v"], fields["t"]
    if manner == "careless" and fields["rtt"] % 7 == 0:
        fields["bat"] += 1
    return {"device_id": message.topic.rpartition("/")[2], **fields}


def main(manner: str, port: str, session: str, dsn: str, table: str) -> None:
    held: list[MQTTMessage] = []

    def write() -> None:
        for message in held:
            fields = row(message, manner)
            values = ", ".join(f"%({name})s" for name in fields)
            conn.execute(f"insert into {table} ({', '.join(fields)}) values ({values})".encode(), fields)
        conn.commit()
        if manner != "hasty":
            for message in held:
                client.ack(message.mid, 1)
        held.clear()

    def on_message(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if manner == "hasty":
            client.ack(message.mid, 1)
        held.append(message)
        if len(held) >= HELD[manner]:
            write()

    words: dict[str, Any] = {"clean_session": False, "protocol": MQTTProtocolVersion.MQTTv311, "manual_ack": True}
    client = Client(CallbackAPIVersion.VERSION2, session, **words)
    client.on_message = on_message
    client.connect("127.0.0.1", int(port))
    with psycopg.connect(dsn) as conn:
        before = 0
        while client.loop(0.1) == 0:
            if held and len(held) == before:
                write()
            before = len(held)


if __name__ == "__main__":
    main(*sys.argv[1:])
