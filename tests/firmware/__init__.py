"""The terminal: its pure cores on both Pythons, its drivers against the emulator."""
