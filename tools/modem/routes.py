"""Which channels hear an unsolicited line: the one table for it. A bare line is one channel.

In: the line's text. Out: the channels among those that stand. A line that a setting asks for goes to every channel with
that setting; one of the packet service to the channel that last commanded it; every other one to all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.modem.channel import Channel
    from tools.modem.core import Modem

# First words of a line: the setting that asks for it.
ASKED = {
    "+CLCC:": "+CLCC",
    "+CLIP:": "+CLIP",
    "+CRING:": "+CRC",
    "MO RING": "+MORING",
    "MO CONNECTED": "+MORING",
    "+DTMF:": "+DDET",
    "+CREG:": "+CREG",
    "+CGREG:": "+CGREG",
}
PACKET = ("CONNECT ", "ALREADY CONNECT", "CLOSED", "STATE:", "C: ", "+CIPRXGET:", "+CDNSGIP:", "+PDP:")
MESSAGE = "+CMTI:"


def hearers(modem: Modem, text: str) -> list[Channel]:
    """Who hears this line now."""
    channels = modem.channels()
    for words, name in ASKED.items():
        if text.startswith(words):
            return [channel for channel in channels if _asked(channel, name, text)]
    if text == "RING":
        return [channel for channel in channels if not channel.registers.number("+CRC")]
    if text.startswith(MESSAGE):
        return [channel for channel in channels if channel.registers.text("+CNMI").split(",")[1:2] == ["1"]]
    # In multiple mode a number stands before it: `2, CLOSED`.
    plain = text.partition(", ")[2] if text[:1].isdigit() else text
    if plain.startswith(PACKET) and modem.data.at in channels:
        return [channel for channel in channels if channel is modem.data.at]
    return channels


def _asked(channel: Channel, name: str, text: str) -> bool:
    """The short form of a registration is for n=1, the long one for n=2; without a cell there is one form for both."""
    wanted = channel.registers.number(name)
    if name in {"+CREG", "+CGREG"} and text.partition(": ")[2].startswith("1"):
        return wanted == (2 if "," in text else 1)
    return wanted > 0
