"""Keys, ladder, outbox and the rest, without hardware; `*_shared.py` runs on CPython and in MicroPython."""
