"""The modem: AT engine, SIM800 driver and sockets over AT commands.

In: a byte port and wishes (dial, open a socket). Out: what the modem and the network really said.
Must never report what was not heard from the modem: an accepted command is not an answered call.
One wire carries three channels where the modem multiplexes (27.010), so that voice never waits for data.
"""
