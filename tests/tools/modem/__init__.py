"""The SIM800 emulator: exact bytes with a clock that the test moves, and a few runs on a real PTY."""
