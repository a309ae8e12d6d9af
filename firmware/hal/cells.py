"""The chip's key-value storage, for programs of any size.

In: names and blobs. Out: the blob of before or of after a power cut: one page of the partition is always free for the
next write. Must never raise.
"""

import esp32

from firmware.hal.base import NVS_BLOB_MAX, NVS_NAME_MAX
from protocol import const

_NAMESPACE = const("onekey")
_SHORT = const(128)  # most are shorter, and a buffer of the longest is garbage each time


class Cells:
    """One namespace."""

    def __init__(self) -> None:
        try:
            self._nvs: "esp32.NVS | None" = esp32.NVS(_NAMESPACE)
        except OSError:
            self._nvs = None  # the partition is gone: nothing is there and nothing can be kept

    def get(self, name: str) -> "bytes | None":
        """The value, or None."""
        if self._nvs is None:
            return None
        for size in (_SHORT, NVS_BLOB_MAX):
            buffer = bytearray(size)
            try:
                length = self._nvs.get_blob(name, buffer)
            except (OSError, ValueError):
                continue  # not there, or longer than that
            return bytes(memoryview(buffer)[:length])
        return None

    def set(self, name: str, data: bytes) -> bool:
        """Store it for good; False if that cannot be."""
        if self._nvs is None or len(name) > NVS_NAME_MAX or len(data) > NVS_BLOB_MAX:
            return False
        try:
            self._nvs.set_blob(name, data)
            self._nvs.commit()
        except (OSError, ValueError):
            return False
        return True

    def remove(self, name: str) -> None:
        """Forget it."""
        if self._nvs is None:
            return
        try:
            self._nvs.erase_key(name)
            self._nvs.commit()
        except (OSError, ValueError):
            pass  # it was not there
