"""The modem: AT engine, SIM800 driver and sockets over AT commands.

In: a byte port and wishes (dial, open a socket). Out: what the modem and the network really said.
Must never report what was not heard from the modem: an accepted command is not an answered call.
A second channel over the same wire (27.010 multiplexing) plugs in as another `at.AT` on its own port.
"""
