"""The date against which certificates are checked, before and after the network has told the time.

In: times of the network, and that a server was accepted. Out: `set_time` of the board, a time that survives a reset.
Must never store a time that no valid certificate stood for: one wrong word of a network would cut us off for good.
On a desk `set_time` does nothing, and certificates are checked against that machine's own clock.
"""

from firmware.core.clock import LATEST
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.hal.base import Nvs

_NAME = const("proven")  # in the NVS: epoch seconds in four bytes, the highest first
_SAVE_S = const(6 * 3_600)  # the chip's storage wears; a floor that is half a day old serves as well


class Dates:
    """Begins at the build, or at the last time that was proven, whichever is later."""

    def __init__(self, nvs: "Nvs", set_time: "Callable[[int], None]", build_epoch: int) -> None:
        self._nvs = nvs
        self._set_time = set_time
        stored = _number(nvs.get(_NAME))
        self._saved = stored if build_epoch <= stored < LATEST else build_epoch
        set_time(self._saved)

    def told(self, epoch: int) -> None:
        """The network told the time, and it can be true."""
        self._set_time(epoch)

    def proven(self, epoch: "int | None") -> None:
        """A server was accepted at this time (None: the clock is unset), so its certificate's dates hold it."""
        due = epoch is not None and self._saved + _SAVE_S <= epoch < LATEST
        if epoch is not None and due and self._nvs.set(_NAME, epoch.to_bytes(4, "big")):
            self._saved = epoch


def _number(data: "bytes | None") -> int:
    return int.from_bytes(data, "big") if data is not None and len(data) == 4 else 0
