"""Our own board, revision A: ESP32-WROOM-32E and SIM800C. The same pins as hardware/board-okb-a/pinout.csv."""

from firmware.board.table import Divider, Table


class Board(Table):
    """See table.py for what each means."""

    name = "okb-a"
    model = "sim800c"

    modem_tx = 27
    modem_rx = 26
    pwrkey = 4
    supply = 23
    status = 34
    dtr = 32
    ring = 35

    keys = (("sos", 33), ("k1", 13), ("k2", 21), ("k3", 22), ("k4", 18), ("cancel", 19))

    lamp = 14
    lamp_kind = "ws2812"
    buzzer = 25

    battery = Divider(36, (2, 1))
    mains = Divider(39, (2, 1))
