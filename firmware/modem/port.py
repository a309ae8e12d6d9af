"""What carries bytes to and from a modem: a UART, one channel of a multiplexed UART, or a test's wire."""


class Port:
    """A stream of bytes without an end of its own."""

    async def read(self, most: int) -> bytes:
        """At least one byte, at most `most`; b"" only when the port is gone for good."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """All bytes; OSError if that cannot be."""
        raise NotImplementedError
