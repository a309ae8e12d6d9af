"""The broker in memory: what an MQTT 3.1.1 client may rely on, said by the firmware's own packets."""

from __future__ import annotations

from firmware.net import packets
from tools.virtual.broker import Broker, Message, Peer, matches

FILTER = "okc/v1/down/+/T00001"
TOPIC = "okc/v1/down/receipt/T00001"


class Client:
    """A connection whose bytes are kept."""

    def __init__(self, broker: Broker, *, name: str = "T00001", password: bytes = b"secret") -> None:
        self.ended = False
        self.parser = packets.Parser()
        self.got: list[tuple[int, int, bytes]] = []
        self.peer = Peer(broker, self._take, self._end)
        self.peer.feed(packets.connect(name, password, 300, "okc/v1/up/state/T00001", b"gone"))

    def _take(self, data: bytes) -> None:
        self.got += self.parser.feed(data)

    def _end(self) -> None:
        self.ended = True

    def kinds(self) -> list[int]:
        return [kind for kind, _, _ in self.got]


def broker() -> tuple[Broker, list[tuple[str, Message]]]:
    heard: list[tuple[str, Message]] = []
    made = Broker({"T00001": "secret"})
    made.on_message = lambda client, message: heard.append((client, message))
    return made, heard


def test_a_wrong_password_is_refused_and_says_no_will() -> None:
    """CONNACK 4; whoever did not get in leaves no will behind."""
    made, heard = broker()
    client = Client(made, password=b"wrong")
    assert client.got == [(packets.CONNACK, 0, b"\x00\x04")]
    client.peer.lose()
    assert heard == []


def test_a_publish_is_heard_and_acknowledged() -> None:
    """QoS 1 up."""
    made, heard = broker()
    client = Client(made)
    client.peer.feed(packets.publish("okc/v1/up/hb/T00001", b"{}", 7))
    assert client.got[-1] == (packets.PUBACK, 0, b"\x00\x07")
    assert heard == [("T00001", Message("okc/v1/up/hb/T00001", b"{}"))]


def test_what_was_sent_while_away_comes_after_the_session_is_taken_up_again() -> None:
    """A kept session: present, and everything unacknowledged once more, marked as such."""
    made, heard = broker()
    first = Client(made)
    first.peer.feed(packets.subscribe(1, FILTER, 1))
    made.publish(TOPIC, b"one")
    first.peer.lose()
    assert [message.payload for _, message in heard] == [b"gone"]
    made.publish(TOPIC, b"two")
    second = Client(made)
    assert second.got[0] == (packets.CONNACK, 0, b"\x01\x00")
    found = [(packets.read_publish(flags, body)[3], flags & 8) for kind, flags, body in second.got[1:]]
    assert found == [(b"one", 8), (b"two", 0)]


def test_a_second_connection_ends_the_first_one() -> None:
    """A terminal that comes back is not talked to on its dead line."""
    made, _ = broker()
    old = Client(made)
    old.peer.feed(packets.subscribe(1, FILTER, 1))
    new = Client(made)
    made.publish(TOPIC, b"x")
    assert packets.PUBLISH not in old.kinds()
    assert packets.PUBLISH in new.kinds()


def test_nonsense_ends_the_connection_and_is_counted() -> None:
    """A packet of no kind."""
    made, _ = broker()
    client = Client(made)
    client.peer.feed(b"\xf0\x00")
    assert client.ended
    assert made.counts["bad_packets"] == 1


def test_filters_match_by_level() -> None:
    """+ is one level, # the rest."""
    assert matches(FILTER, TOPIC)
    assert matches("okc/#", TOPIC)
    assert not matches(FILTER, "okc/v1/down/receipt/T00002")
    assert not matches("okc/v1/down/+", TOPIC)
