"""Runs every test module named *_shared.py in a real MicroPython."""
