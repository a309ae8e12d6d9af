"""Hardware, one file per machine. The only place that may import `machine`, sleep by ticks or end the program.

In: nothing. Out: a `Board`: uptime, UART, key levels, lamp, beeper, storage folder, randomness, restart.
Must never decide anything.
"""
