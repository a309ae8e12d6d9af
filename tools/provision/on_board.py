"""What the board itself does at provisioning: sources that its own MicroPython runs through the console.

In: names that are set before (see each). Out: one line of JSON. They use the firmware's own parts, so that what is
written is what it reads; no password is ever printed. Must end in time: the board's watchdog may run.
"""

from __future__ import annotations

# A board whose program was interrupted is restarted by its watchdog after 15 s; ten minutes are enough for all of it,
# and a board that is forgotten at its prompt works again after them.
FACTS = """
import binascii, hashlib, json, machine
machine.WDT(timeout=600000)
import firmware
from firmware.hal.cells import Cells
cells = Cells()
def digest(name):
    value = cells.get(name)
    return None if value is None else binascii.hexlify(hashlib.sha256(value).digest()).decode()
device = cells.get("device")
print(json.dumps({
    "mac": ":".join(["%02x" % byte for byte in machine.unique_id()]),
    "device": device and device.decode(), "password": digest("password"), "lock": digest("lock"),
    "firmware": firmware.VERSION,
}))
"""

# board: name of its table. Switches the modem on if it is off, and out of the multiplexer if a program left it there.
MODEM = """
import json, machine, time
machine.WDT(timeout=600000)
path = "firmware.board." + board.replace("-", "_")
table = __import__(path, None, None, ("Board",)).Board
if table.supply is not None:
    machine.Pin(table.supply, machine.Pin.OUT, value=1)
drain = table.pwrkey_pressed == 0
pwrkey = machine.Pin(table.pwrkey, machine.Pin.OPEN_DRAIN if drain else machine.Pin.OUT, value=1 - table.pwrkey_pressed)
uart = machine.UART(2, 115200, tx=table.modem_tx, rx=table.modem_rx, rxbuf=1024, txbuf=256, timeout=0)
def ask(command, limit_ms):
    while uart.any():
        uart.read(uart.any())
    uart.write(command + b"\\r")
    until, heard = time.ticks_add(time.ticks_ms(), limit_ms), b""
    while time.ticks_diff(until, time.ticks_ms()) > 0:
        if uart.any():
            heard += uart.read(uart.any())
            if b"\\r\\nOK\\r\\n" in heard or b"ERROR" in heard:
                break
        time.sleep_ms(10)
    # Within the flags of a multiplexer it is an answer to somebody else.
    return heard if b"\\r\\nOK\\r\\n" in heard and b"\\xf9" not in heard else b""
def alive(limit_ms):
    until = time.ticks_add(time.ticks_ms(), limit_ms)
    while time.ticks_diff(until, time.ticks_ms()) > 0:
        if ask(b"AT", 500):
            return True
    return False
def number(heard, low, high):
    for line in heard.replace(b'"', b"").split(b"\\r\\n"):
        word = line.split(b":")[-1].strip().rstrip(b"Ff")
        if low <= len(word) <= high and not word.strip(b"0123456789"):
            return word.decode()
    return None
on = alive(3000)
if not on:
    from firmware.modem import mux
    uart.write(mux.recover())
    on = alive(3000)
for _ in range(3):
    if on:
        break
    pwrkey.value(table.pwrkey_pressed)
    time.sleep_ms(1500)
    pwrkey.value(1 - table.pwrkey_pressed)
    on = alive(12000)
imei = number(ask(b"AT+GSN", 2000), 15, 15) if on else None
iccid, tries = None, 8
while on and iccid is None and tries:
    iccid, tries = number(ask(b"AT+CCID", 3000), 19, 20), tries - 1
    if iccid is None:
        time.sleep_ms(1000)
print(json.dumps({"on": on, "imei": imei, "iccid": iccid}))
"""
MODEM_S = 120.0  # three rounds of switching, and a card that is slow

# device, password (None: keep the board's own), server, roots, board, config. The identity comes last.
WRITE = """
import json, machine
machine.WDT(timeout=600000)
from firmware import entry
from firmware.app import identity
from firmware.app.config import Config
from firmware.app.storage import Storage
from firmware.core.ladder import Ladder
from firmware.hal.cells import Cells
from protocol import messages
cells, fault = Cells(), ""
entry.mount()
found = Config(Storage(""), cells)
ladder = Ladder(found.plans(), found.ver, found.times())
found.load(ladder.set_plans)
wanted = messages.decode("down", "config", config)
fault = found.apply(wanted, ladder.set_plans)
if not fault and (not found.save() or found.unsaved):
    fault = "config not stored"
if board == "okb-a":
    cells.remove("board")
elif not cells.set("board", board.encode()):
    fault = fault or "board not stored"
password = password or cells.get("password")
if not fault and not (password and identity.write(cells, device, password, server, roots)):
    fault = "identity not stored"
print(json.dumps({"fault": fault}))
"""
WRITE_S = 60.0  # flash is erased under it

# config. Everything is read anew, by what the firmware will read it with.
CHECK = """
import binascii, hashlib, json
from firmware import entry
from firmware.app import identity
from firmware.app.config import Config
from firmware.app.storage import Storage
from firmware.core.ladder import Ladder
from firmware.core.lines import unpack
from firmware.hal.cells import Cells
from protocol import messages
def digest(data):
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()
cells = Cells()
entry.mount()
who = identity.read(cells)
found = Config(Storage(""), cells)
ladder = Ladder(found.plans(), found.ver, found.times())
found.load(ladder.set_plans)
wanted = messages.decode("down", "config", config)
same = not found.unsaved
for name in found.fields:
    if wanted.get(name) is not None and found.fields[name] != wanted[name]:
        same = False
print(json.dumps({
    "device": digest(who.device.encode()), "password": digest(who.password), "server": digest(who.server.encode()),
    "roots": digest(b"".join(who.roots)), "board": digest((cells.get("board") or b"okb-a")),
    "config": digest(config) if same else None,
    "sos": digest(config) if unpack(cells.get("sos") or b"") == wanted["plan"]["sos"] else None,
}))
"""

# lock: 32 bytes. The reset that follows is wanted: a new terminal must not report a crash as its first word.
LOCK = """
import json
from firmware.hal import resets
from firmware.hal.cells import Cells
resets.own()
cells = Cells()
print(json.dumps({"stored": cells.set("lock", lock), "same": cells.get("lock") == lock}))
"""
