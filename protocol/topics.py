"""Topics: `okc/v1/up/<kind>/<device>` and `okc/v1/down/<kind>/<device>`. Build and parse, nothing else."""

from protocol import const
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.fields import KINDS

PREFIX = const("okc/v1")

# Six characters tell 50,000 terminals apart with room to spare; twenty keep the topic, and with it the PUBLISH, short.
DEVICE_CHARS_MIN = const(6)
DEVICE_CHARS_MAX = const(20)
_DEVICE_ALPHABET = const("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")

# Longest topic that can be: a cloud may refuse more before parsing.
TOPIC_BYTES_MAX = len(PREFIX) + len("/down/receipt/") + DEVICE_CHARS_MAX


def is_device_id(text: object) -> bool:
    """Whether a text has the form of a device id, `^[A-Z0-9]{6,20}$`."""
    if not isinstance(text, str) or not DEVICE_CHARS_MIN <= len(text) <= DEVICE_CHARS_MAX:
        return False
    for char in text:
        if char not in _DEVICE_ALPHABET:
            return False
    return True


def build(direction: str, kind: str, device: str) -> str:
    """The topic of one message. Raises LocalProtocolError for a kind or a device id that cannot be."""
    if direction not in KINDS or kind not in KINDS[direction]:
        raise LocalProtocolError("kind", None, "a kind of this direction")
    if not is_device_id(device):
        raise LocalProtocolError("topic", None, "a device id of 6 to 20 capitals and digits")
    return "%s/%s/%s/%s" % (PREFIX, direction, kind, device)


def parse(topic: str) -> tuple[str, str, str]:
    """(direction, kind, device) of a topic.

    Raises RemoteProtocolError: reason `topic`, or `kind` if only that is off.
    """
    parts = topic.split("/") if isinstance(topic, str) else ()
    if len(parts) != 5 or "/".join(parts[:2]) != PREFIX or parts[2] not in KINDS or not is_device_id(parts[4]):
        raise RemoteProtocolError("topic", None, PREFIX + "/up|down/<kind>/<device>")
    if parts[3] not in KINDS[parts[2]]:
        raise RemoteProtocolError("kind", None, "a kind of this version")
    return parts[2], parts[3], parts[4]


def terminal_filter(device: str) -> str:
    """What a terminal subscribes to: everything that is for it."""
    if not is_device_id(device):
        raise LocalProtocolError("topic", None, "a device id of 6 to 20 capitals and digits")
    return PREFIX + "/down/+/" + device


CLOUD_FILTER = PREFIX + "/up/#"  # what the cloud reads
