"""The terminal: MicroPython on an ESP32 with a SIM800, or on this machine with any SIM800 or its emulator.

In: keys, the modem's bytes, messages of the cloud. Out: calls, lamp and tones, messages to the cloud.
Must never let anything but broken keys or a broken modem stop a press from dialling.
"""

VERSION = "0.1.0"
BUILD_EPOCH = 1_790_000_000  # 2026-09-21: no true time lies before the build
