"""The processes. In: settings from the environment, SIGTERM. Out: `ready` on standard output, JSON lines on stderr.

None keeps state that a kill -9 loses. Nothing personal is ever logged.
"""
