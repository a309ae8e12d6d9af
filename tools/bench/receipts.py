"""The least that a fleet needs of a cloud: each receipted message is noted and receipted. For benches of the broker.

In: a broker. Out: ids that arrived. Not the product's ingest: no database, so it takes little of the machine.
"""

from __future__ import annotations

import json

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from protocol import messages, topics
from protocol.codes import RECEIPTED_KINDS

CLIENT_ID = "okc-receipts"


class Receipts:
    """start(), stop(); `arrived` holds (device, id). It connects again by itself."""

    def __init__(self, port: int) -> None:
        self.arrived: set[tuple[str, str]] = set()
        self._port = port
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=CLIENT_ID, protocol=MQTTProtocolVersion.MQTTv311, clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._take

    def start(self) -> None:
        """In a thread of its own."""
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()

    def stop(self) -> None:
        """No more."""
        self._client.disconnect()
        self._client.loop_stop()

    @staticmethod
    def _subscribe(
        client: Client, _data: object, _flags: ConnectFlags, _code: ReasonCode, _properties: Properties | None
    ) -> None:
        client.subscribe([(f"{topics.PREFIX}/up/{kind}/+", 1) for kind in RECEIPTED_KINDS])

    def _take(self, client: Client, _data: object, message: MQTTMessage) -> None:
        _, kind, device = topics.parse(message.topic)
        if kind not in RECEIPTED_KINDS:
            return
        message_id = json.loads(message.payload)["id"]
        self.arrived.add((device, message_id))
        client.publish(
            topics.build("down", "receipt", device), messages.encode("down", "receipt", {"of": [message_id]}), 1
        )
