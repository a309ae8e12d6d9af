"""The bench: what technicians, developers and the demo run. May use every other package; nothing may use it."""
