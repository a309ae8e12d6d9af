"""An emulated board on a pseudo-terminal, for tests and for whoever tries the technician's bench without hardware.

It knows nothing of our product but the pins of its board, so that flashing, provisioning and acceptance meet a board.
`Chip` is all of it; `onekey chip` runs one.
"""

from tools.chip.chip import Chip

__all__ = ["Chip"]
