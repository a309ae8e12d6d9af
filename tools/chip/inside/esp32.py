"""`esp32` on the emulated board: key-value storage in files, no partition of ours. Runs in MicroPython.

In: names of at most 15 characters and blobs. Out: the blob of before or of after a power cut, never half of one.
"""

import os

SPACE = "/.nvs"  # beside the program's own files, where a technician's tools do not look
_NOT_FOUND = OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")


class NVS:
    """One namespace. What was set counts for this program at once, and after a reset once committed."""

    def __init__(self, namespace: str) -> None:
        if len(namespace) > 15:
            raise OSError(-4361, "ESP_ERR_NVS_INVALID_NAME")
        self._at = SPACE + "/" + namespace + "."
        self._open: "dict[str, bytes | None]" = {}
        try:
            os.mkdir(SPACE)
        except OSError:
            pass

    def set_blob(self, key: str, value: bytes) -> None:
        """Set a value."""
        if len(key) > 15:
            raise OSError(-4361, "ESP_ERR_NVS_KEY_TOO_LONG")
        self._open[key] = bytes(value)

    def get_blob(self, key: str, buffer: bytearray) -> int:
        """Fill the buffer; returns the length. A buffer that is too short is an error."""
        value = self._open[key] if key in self._open else self._stored(key)
        if value is None:
            raise _NOT_FOUND
        if len(value) > len(buffer):
            raise OSError(-4364, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def erase_key(self, key: str) -> None:
        """Forget a value."""
        if (self._open[key] if key in self._open else self._stored(key)) is None:
            raise _NOT_FOUND
        self._open[key] = None

    def commit(self) -> None:
        """Everything that was set goes to flash, one write each."""
        for key in sorted(self._open):
            value = self._open[key]
            if value is None:
                os.remove(self._at + key)
            else:
                with open(self._at + key + "~", "wb") as file:
                    file.write(value)
                os.rename(self._at + key + "~", self._at + key)
        self._open = {}

    def _stored(self, key: str) -> "bytes | None":
        try:
            with open(self._at + key, "rb") as file:
                return file.read()
        except OSError:
            return None


class Partition:
    """The table of partitions. The file system is mounted by then, as on an official image."""

    TYPE_APP, TYPE_DATA = 0, 1

    @staticmethod
    def find(type: int = 0, subtype: int = 255, *, label: "str | None" = None) -> "list[object]":  # noqa: A002 - its name
        """None."""
        return []
