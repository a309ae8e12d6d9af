"""What this Python makes of messages: lines `direction kind hex` in, lines of verdicts out.

A verdict is the canonical bytes in hex, `refused REASON FIELD`, or the name of an exception that should not have left.
Runs on MicroPython as a program; CPython imports `verdict`.
"""

import sys

if sys.implementation.name == "micropython":
    # In place of this file's own folder, which would hide modules behind tests of the same name.
    sys.path[0] = __file__.rsplit("/", 3)[0] if __file__.count("/") > 2 else "."

from protocol import messages
from protocol.errors import RemoteProtocolError


def verdict(line: str) -> str:
    """The verdict on one line."""
    direction, kind, digits = (line.strip() + " ").split(" ")[:3]
    payload = bytes([int(digits[at : at + 2], 16) for at in range(0, len(digits), 2)])
    try:
        fields = messages.decode(direction, kind, payload)
        again = messages.encode(direction, kind, fields)
    except RemoteProtocolError as error:
        return "refused %s %s" % (error.reason, error.field)
    except Exception as error:
        return type(error).__name__
    return "".join(["%02x" % byte for byte in again])


if sys.implementation.name == "micropython":
    for text in sys.stdin:
        print(verdict(text))
