"""The reference for a press: a broker's round trip and one row committed, by a process that does nothing else.

In: messages on `bench/up`, the database in OKC_DATABASE_URL, the broker's port as the only argument. Out: a row of
`bare` for each, and after its commit the same bytes on `bench/down`.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import psycopg
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

UP, DOWN = "bench/up", "bench/down"


def main() -> None:
    """Until killed."""
    conn = psycopg.connect(os.environ["OKC_DATABASE_URL"], autocommit=True)
    client = Client(CallbackAPIVersion.VERSION2, client_id="echo", protocol=MQTTProtocolVersion.MQTTv311)

    def take(_client: Client, _data: Any, message: MQTTMessage) -> None:
        conn.execute("insert into bare (line) values (%s)", [message.payload.decode()])
        client.publish(DOWN, message.payload, qos=1)

    def subscribed(*_args: Any) -> None:
        print("ready", flush=True)

    client.on_message = take
    client.on_subscribe = subscribed
    client.connect("127.0.0.1", int(sys.argv[1]))
    no_wait(client)
    client.subscribe(UP, 1)
    client.loop_forever()


def no_wait(client: Client) -> None:
    """Small messages leave at once."""
    sock = client.socket()
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


if __name__ == "__main__":
    main()
