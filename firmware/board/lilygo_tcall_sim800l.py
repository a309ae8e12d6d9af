"""LilyGO T-Call SIM800L with IP5306, the bench board. The same pins as hardware/board-lilygo-tcall-sim800l/pinout.csv.

It has no keys, no buzzer, no STATUS line and no divider at the battery: keys and buzzer are wired on the bench.
"""

from firmware.board.table import Table


class Board(Table):
    """See table.py for what each means."""

    name = "lilygo-tcall-sim800l"
    model = "sim800l"

    modem_tx = 27
    modem_rx = 26
    pwrkey = 4
    pwrkey_pressed = 0
    supply = 23
    reset = 5
    dtr = 32
    ring = 33

    keys = (("sos", 18), ("k1", 34), ("k2", 35), ("cancel", 19))
    pulled = (18, 19)

    lamp = 13
    buzzer = 25

    boost = (22, 21, 0x75, 0x00, 0x37)  # or the IP5306 switches off when the load is light
