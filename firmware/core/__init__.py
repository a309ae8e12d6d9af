"""What the terminal decides, without hardware: events and uptime in, actions as plain tuples out.

Nothing here does I/O, reads a clock or waits. Every `now` is the uptime in ms, an integer that never wraps.
The same files run on MicroPython and on CPython.
"""
