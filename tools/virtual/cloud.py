"""What the cloud does for a terminal, as little as a bench needs: receipts, a route for each press, the desk's states.

In: messages of the broker. Out: messages to the terminal, and a list of all that came, by id. It decides by rule and
keeps no database; the soak runs the real one instead.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from protocol import codes, messages, topics
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from tools.virtual.broker import Broker, Message
    from tools.virtual.world import World

COMMIT_S = 0.05  # from the broker's hand to the receipt's
ROUTE_VALID_S = 120


class Responder:
    """Answers one terminal."""

    def __init__(self, world: World, broker: Broker, plan: list[list[Any]] | None = None) -> None:
        self.world = world
        self.broker = broker
        self.plan = plan  # of every route; None: no routes
        self.receipting = True
        self.arrived: list[tuple[int, str, dict[str, Any]]] = []  # world time, kind, content
        self.refused = 0
        broker.on_message = self.take

    def take(self, client: str, message: Message) -> None:
        """One message of a terminal, or its will."""
        del client
        try:
            direction, kind, device = topics.parse(message.topic)
            body = messages.decode(direction, kind, message.payload)
        except ProtocolError:
            self.refused += 1
            return
        self.arrived.append((self.world.now, kind, body))
        self.world.timers.after(COMMIT_S, lambda: self._answer(kind, device, body))

    def _answer(self, kind: str, device: str, body: dict[str, Any]) -> None:
        if kind == "press" and self.plan is not None and body["key"] != "cancel" and body.get("how") != "test":
            case = str(uuid.UUID(int=int.from_bytes(body["id"].encode(), "big") % (1 << 128)))
            expires = int(self.world.timers.now) + ROUTE_VALID_S
            self.send(device, "route", {"ref": body["id"], "case": case, "ver": 1, "plan": self.plan, "exp": expires})
        if self.receipting and kind in codes.RECEIPTED_KINDS:
            self.send(device, "receipt", {"of": [body["id"]]})

    def send(self, device: str, kind: str, fields: dict[str, Any]) -> None:
        """One message down."""
        self.broker.publish(topics.build("down", kind, device), messages.encode("down", kind, fields))

    def of(self, kind: str, **like: object) -> list[dict[str, Any]]:
        """What came of a kind, each id once, in order of arrival."""
        found: dict[str, dict[str, Any]] = {}
        for _, one, body in self.arrived:
            if one == kind and all(body.get(name) == value for name, value in like.items()):
                found.setdefault(str(body["id"]), body)
        return list(found.values())
