"""The real firmware in MicroPython, with the emulator for a modem and a real broker."""
