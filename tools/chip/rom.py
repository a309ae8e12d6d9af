"""The loader's process: esp32-mock-bootloader as it is, told this board's MAC, its flash and where the flash is kept.

In: chip, MAC, megabytes, two paths. Out: a TCP port, written to a file once it listens. Run as a program; it ends with
its parent. Without this every board would have the same MAC and 4 MB, and would forget its flash.
"""

from __future__ import annotations

import math
import mmap
import sys
from pathlib import Path

from esp32_mock_bootloader import protocol, registers, server

PATIENCE_S = 10.0
_MAKER = 0x4020  # as the package has it; the size of a flash is the power of two in the third byte of its id


def main(chip: str, mac: str, megabytes: int, flash: Path, port_file: Path) -> None:
    """Serve until the parent ends it."""
    size = megabytes << 20
    octets = tuple(bytes.fromhex(mac.replace(":", "")))
    registers.mac_bytes_for_chip = lambda _chip: octets
    protocol.MOCK_FLASH_ID = int(math.log2(size)) << 16 | _MAKER
    protocol.FLASH_MOCK_SIZE = size
    server._FLASH_END_IDLE_SEC = math.inf  # noqa: SLF001 - a loader stays until a reset; we end the connection then
    server._CLIENT_RECV_TIMEOUT = PATIENCE_S  # noqa: SLF001 - a busy machine acknowledges late, and reading ended there
    with flash.open("r+b") as file:
        image = server.get_flash_image()
        image.data = mmap.mmap(file.fileno(), size)
        server.run_server(0, None, chip, port_file=str(port_file))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
