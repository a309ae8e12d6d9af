"""Errors of the wire: which side broke the contract.

Never holds a payload or a value from one: texts name the field and the rule only,
so that they may be logged and stored.
"""


class ProtocolError(Exception):
    """A message does not follow the wire contract; raise one of the two children.

    reason: one of REASONS, for counting; field: the field at fault or None; rule: what it should have been.
    """

    def __init__(self, reason: str, field: str | None = None, rule: str = "") -> None:
        if type(self) is ProtocolError:
            raise TypeError("raise LocalProtocolError or RemoteProtocolError")
        if reason not in REASONS:
            raise TypeError("reason must be one of REASONS")
        self.reason = reason
        self.field = field
        self.rule = rule
        super().__init__("%s%s%s" % (reason, " " + field if field else "", ": " + rule if rule else ""))


class LocalProtocolError(ProtocolError):
    """We tried to send something that the contract forbids: a fault of this side's software."""


class RemoteProtocolError(ProtocolError):
    """The other side sent something that the contract forbids: a fault of its software, or an attack."""


# Why a message is refused. Stored with quarantined messages, so names are never reused.
REASONS: tuple[str, ...] = (
    "topic",  # the topic has not the form of this version, or a device id that cannot be
    "kind",  # the topic's kind is not one of this version
    "size",  # larger than the limit of its direction
    "text",  # not UTF-8
    "json",  # not JSON
    "shape",  # JSON, but not an object
    "version",  # `v` is missing or not 1
    "missing",  # a required field is absent
    "type",  # a field has the wrong JSON type
    "range",  # a number or a length is outside its limits
    "value",  # a text is not in its list of codes, or not in its alphabet
    "foreign",  # refers to a press or call of another device (found by the cloud, not by decoding)
    "unknown_device",  # the topic's device is not in the registry (found by the cloud)
)
