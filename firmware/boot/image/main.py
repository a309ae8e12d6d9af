"""The program. Frozen, it stands before a file of this name; on a bench it is that file."""

from firmware.entry import power_on

power_on()
