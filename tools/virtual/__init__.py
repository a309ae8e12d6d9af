"""The whole terminal in simulated time: the real firmware in the real MicroPython, in lock step with the modem.

In: a world of plans (who answers, what fails, which key when) and a seed. Out: what everybody saw, in world time.
The child process runs ahead only as far as nothing outside can happen; it never reads a real clock to decide anything.
"""
