"""`esp32` as far as the terminal uses it: key-value storage in flash, over the chip of chip.py.

In: names of at most 15 characters and blobs. Out: the blob of before or of after a power cut, never half of one.
"""

from tests.firmware.fakes.chip import CHIP

_NOT_FOUND = OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")


class NVS:
    """One namespace. What was set counts for this program at once, and after a reset once committed."""

    def __init__(self, namespace: str) -> None:
        if len(namespace) > 15:
            raise OSError(-4361, "ESP_ERR_NVS_INVALID_NAME")
        if CHIP.nvs_gone:
            raise OSError(-4357, "ESP_ERR_NVS_NOT_INITIALIZED")
        self._space = namespace
        self._open: "dict[str, bytes | None]" = {}

    def set_blob(self, key: str, value: bytes) -> None:
        """Set a value."""
        if len(key) > 15:
            raise OSError(-4361, "ESP_ERR_NVS_KEY_TOO_LONG")
        self._open[key] = bytes(value)

    def get_blob(self, key: str, buffer: bytearray) -> int:
        """Fill the buffer; returns the length. A buffer that is too short is an error."""
        value = self._open[key] if key in self._open else CHIP.stored.get((self._space, key))
        if value is None:
            raise _NOT_FOUND
        if len(value) > len(buffer):
            raise OSError(-4364, "ESP_ERR_NVS_INVALID_LENGTH")
        for at in range(len(value)):
            buffer[at] = value[at]
        return len(value)

    def erase_key(self, key: str) -> None:
        """Forget a value."""
        if self._open.get(key, CHIP.stored.get((self._space, key))) is None:
            raise _NOT_FOUND
        self._open[key] = None

    def commit(self) -> None:
        """Everything that was set goes to flash, one write each."""
        for key in sorted(self._open):
            try:
                CHIP.store((self._space, key), self._open[key])
            finally:
                del self._open[key]


class Partition:
    """The table of partitions; the chip has one file system at most."""

    TYPE_APP, TYPE_DATA = 0, 1

    @staticmethod
    def find(type: int = 0, subtype: int = 255, *, label: "str | None" = None) -> "list[object]":  # noqa: A002 - its name
        """Those that fit."""
        return [CHIP.disk] if type == 1 and label == "vfs" and CHIP.disk is not None else []
