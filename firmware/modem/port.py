"""What carries bytes to and from a modem: a UART, one channel of a multiplexed UART, or a test's wire."""

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

SPEED = const(115_200)  # of every modem; whatever it had is changed to this


class Port:
    """A stream of bytes without an end of its own."""

    async def ready(self, urgent: "Callable[[], bool]") -> bool:
        """Whether bytes would reach the modem now. `urgent`: whether a dial waits, for this or behind it."""
        return True

    def heard(self) -> None:
        """The modem answered."""

    async def unheard(self) -> None:
        """The modem did not answer: a port that knows a reason does something about it."""

    def speed(self, baud: int) -> bool:
        """Change the speed; False on a port that has only one."""
        return False

    # What each has for itself: only the type checker reads this, and it costs no RAM.
    if _TYPE_CHECKING:

        async def read(self, most: int) -> bytes:
            """At least one byte, at most `most`; b"" only when the port is gone for good."""
            raise NotImplementedError

        async def write(self, data: bytes) -> None:
            """All bytes; OSError if that cannot be."""
            raise NotImplementedError
