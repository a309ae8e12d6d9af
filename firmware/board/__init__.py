"""Boards as data: which pin does what, one file per board; hal/esp32.py brings them to life, hardware/ documents them.

`table.py` says what a board may have. Must never hold a decision, nor a value that no machine reads.
"""
