"""Why the chip started, and how to start it again.

In: the reason that the interpreter and a register give, a mark of our own. Out: one of codes.RESET_CAUSES.
The interpreter counts a brownout as power on, and a panic as a restart by program: hence register and mark.
"""

import machine

from protocol import const

_MARK = const(b"reboot")  # in the clock's memory: the restart was our own
_REGISTER = const(0x3FF48034)  # RTC_CNTL_RESET_STATE
_BITS = const(0x3F)
_BROWNOUT = const(15)


def cause() -> str:
    """To be asked once per start: it forgets the mark, so that the next start is judged by its own."""
    clock = machine.RTC()
    own = clock.memory() == _MARK
    clock.memory(b"")
    if machine.mem32[_REGISTER] & _BITS == _BROWNOUT:
        return "brownout"
    reason = machine.reset_cause()
    if reason == machine.PWRON_RESET:
        return "power"
    if reason == machine.WDT_RESET:
        return "watchdog"
    if reason == machine.HARD_RESET:
        return "soft" if own else "crash"
    return "soft"


def own() -> None:
    """The restart that follows is wanted: no crash."""
    machine.RTC().memory(_MARK)


def reboot() -> None:
    """Start again, now."""
    own()
    machine.reset()
