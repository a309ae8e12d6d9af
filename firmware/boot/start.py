"""Which program runs: the terminal, the terminal without files and data, or the smallest one.

In: the count of failed starts in key-value storage. Out: never returns while the chip lives. A program that dies is
started anew a few times, then a smaller one runs. Must never loop without end: a start that cannot be counted is final.
"""

from firmware.core import watch
from protocol import const

_NVS_WHY = const("why")  # what the last terminal died of, for the technician
_WHY_CHARS = const(80)

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.hal.cells import Cells


def start(
    cells: "Cells",
    cause: str,
    terminal: "Callable[[str], object]",
    bare: "Callable[[], object]",
    reboot: "Callable[[], object]",
) -> None:
    """`terminal(mode)` and `bare()` end only when they cannot go on or want another try; `reboot()` starts the chip."""
    before = watch.failed(cells.get(watch.NVS_FAILED))
    counted = cells.set(watch.NVS_FAILED, watch.counted(before, cause))
    mode = watch.mode(before)
    if mode != watch.BARE:
        try:
            terminal(mode)
        except Exception as error:
            cells.set(_NVS_WHY, bytes(repr(error)[:_WHY_CHARS], "utf-8"))
            # What this image lacks now it will lack next time.
            counted = counted and not isinstance(error, (ImportError, SyntaxError))
        if counted:
            reboot()
            return
    try:
        bare()
    except Exception:
        pass
    cells.set(watch.NVS_FAILED, watch.again())
    reboot()
