"""The README's worked example, said byte by byte to a real broker."""

from __future__ import annotations

import itertools
import socket
from typing import TYPE_CHECKING

from protocol import messages, topics
from tools.wire import conversation

if TYPE_CHECKING:
    from tests.fixtures.broker import Mosquitto


def test_every_payload_of_the_example_is_a_message() -> None:
    """Canonical, on the topic of its kind."""
    shown = [packet for packet in conversation.packets() if "PUBLISH" in packet.what]
    assert len(shown) == 7
    for packet in shown:
        direction, kind, device = topics.parse(packet.what.split("`")[1])
        assert device == conversation.DEVICE
        payload = packet.payload.encode()
        assert packet.data.endswith(payload)
        assert messages.encode(direction, kind, messages.decode(direction, kind, payload)) == payload


def test_a_real_broker_answers_the_example_as_the_page_says(broker: Mosquitto) -> None:
    """CONNECT with the will, SUBSCRIBE and each PUBLISH up are taken, and answered with exactly these bytes."""
    broker.add_user(conversation.DEVICE, conversation.PASSWORD)
    up = [packet for packet in conversation.packets() if "/down/" not in packet.what or "SUBSCRIBE" in packet.what]
    with socket.create_connection(("127.0.0.1", broker.port), timeout=10) as line:
        for said, answer in itertools.pairwise(up):
            if said.sender == conversation.TERMINAL and answer.sender == conversation.BROKER:
                line.sendall(said.data)
                assert line.recv(len(answer.data), socket.MSG_WAITALL) == answer.data, said.what
        line.sendall(b"\xe0\x00")
