"""Who this terminal is, as provisioning wrote it into the chip's key-value storage.

In: NVS. Out: device id, password, server, roots. A terminal without them has no data, and its keys dial all the same.
Must never show the password: it goes to the broker and nowhere else.
"""

from protocol import const, topics

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.hal.base import Nvs

_ROOTS_MAX = const(3)  # current, next, one to spare
_PASSWORD_BYTES_MAX = const(128)
_SERVER_BYTES_MAX = const(255)
_NAMELESS = const("000000")  # what a terminal without an identity calls itself, to nobody


class Identity:
    """`complete` says whether there can be data."""

    def __init__(self, device: str, password: bytes, server: str, roots: "list[bytes]") -> None:
        self.device = device
        self.password = password
        self.server = server
        self.roots = roots  # certificates in DER
        self.complete = device != _NAMELESS and bool(server)


def read(nvs: "Nvs") -> Identity:
    """What is there; anything unreadable is as if it were not there."""
    device = _text(nvs.get("device"))
    if not _is_device(device):
        device = _NAMELESS
    roots = [nvs.get("ca%d" % at) for at in range(_ROOTS_MAX)]
    return Identity(device, nvs.get("password") or b"", _server(nvs.get("server")), [root for root in roots if root])


def write(nvs: "Nvs", device: str, password: bytes, server: str, roots: "list[bytes]") -> bool:
    """Provisioning. The device id comes last: an identity that a power cut left half written is none."""
    if not _is_device(device) or not _server(bytes(server, "utf-8")) or len(password) > _PASSWORD_BYTES_MAX:
        return False
    if len(roots) > _ROOTS_MAX:
        return False
    nvs.remove("device")
    for at in range(_ROOTS_MAX):
        if at < len(roots):
            if not nvs.set("ca%d" % at, roots[at]):
                return False
        else:
            nvs.remove("ca%d" % at)
    return (
        nvs.set("password", password)
        and nvs.set("server", bytes(server, "utf-8"))
        and nvs.set("device", bytes(device, "utf-8"))
    )


def _text(raw: "bytes | None") -> str:
    try:
        return str(raw or b"", "utf-8")
    except UnicodeError:
        return ""


def _is_device(device: str) -> bool:
    try:
        topics.build("up", "state", device)
    except Exception:
        return False
    return True


def _server(raw: "bytes | None") -> str:
    """HOST:PORT, or nothing."""
    text = _text(raw)
    host, _, port = text.rpartition(":")
    if not host or len(text) > _SERVER_BYTES_MAX or not port or port.strip("0123456789") or not 0 < int(port) < 65_536:
        return ""
    return text
