"""`esp32` on the emulated board: key-value storage in files, no partition of ours. Runs in MicroPython.

In: names of at most 15 characters and blobs. Out: the blob of before or of after a power cut, never half of one.
"""

import os

SPACE = "/.nvs"  # outside the program's own file system: it is not listed there
NAME_MAX = 15
# Of the chip's storage: 16 KiB are four pages of 126 entries of 32 bytes, one page is kept free.
ENTRY, ENTRIES = 32, 3 * 126
_NOT_FOUND = -4354
_NO_SPACE = -4357


class NVS:
    """One namespace. What was set counts for this program at once, and after a reset once committed."""

    def __init__(self, namespace: str) -> None:
        if not 0 < len(namespace) <= NAME_MAX:
            raise OSError(-4361, "ESP_ERR_NVS_INVALID_NAME")
        self._at = SPACE + "/" + namespace + "."
        self._open: "dict[str, bytes | None]" = {}
        try:
            os.mkdir(SPACE)
        except OSError:
            pass

    def set_blob(self, key: str, value: bytes) -> None:
        """Set a value."""
        if not 0 < len(key) <= NAME_MAX:
            raise OSError(-4361, "ESP_ERR_NVS_KEY_TOO_LONG")
        self._open[key] = bytes(value)

    def get_blob(self, key: str, buffer: bytearray) -> int:
        """Fill the buffer; returns the length. A buffer that is too short is an error."""
        value = self._value(key)
        if len(value) > len(buffer):
            raise OSError(-4364, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def set_i32(self, key: str, value: int) -> None:
        """Set a number of 32 bits."""
        self.set_blob(key, (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def get_i32(self, key: str) -> int:
        """The number."""
        number = int.from_bytes(self._value(key), "little")
        return number - (1 << 32) if number >> 31 else number

    def erase_key(self, key: str) -> None:
        """Forget a value."""
        self._value(key)
        self._open[key] = None

    def commit(self) -> None:
        """Everything that was set goes to flash, one write each."""
        try:
            for key in sorted(self._open):
                value = self._open[key]
                if value is None:
                    if self._stored(key) is not None:
                        os.remove(self._at + key)
                else:
                    self._write(key, value)
        finally:
            self._open = {}

    def _write(self, key: str, value: bytes) -> None:
        if _used() + _entries(len(value)) > ENTRIES:  # the old value goes only when the new one stands
            raise OSError(_NO_SPACE, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        with open(self._at + key + "~", "wb") as file:
            file.write(value)
        os.rename(self._at + key + "~", self._at + key)

    def _value(self, key: str) -> bytes:
        value = self._open[key] if key in self._open else self._stored(key)
        if value is None:
            raise OSError(_NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        return value

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


def _entries(size: int) -> int:
    """A blob takes its bytes, a header, and an index."""
    return 2 + (size + ENTRY - 1) // ENTRY


def _used() -> int:
    return sum([_entries(os.stat(SPACE + "/" + name)[6]) for name in os.listdir(SPACE) if not name.endswith("~")])
