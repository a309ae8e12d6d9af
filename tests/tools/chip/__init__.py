"""The emulated board, met with the tools that technicians use and with the firmware itself."""
