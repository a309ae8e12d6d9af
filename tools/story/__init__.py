"""`onekey demo`: the whole system on embedded parts, for a look, a story or a check.

In: nothing but this machine. Out: a running system, or one JSON object of figures measured in the run.
It starts the product's own processes and presses the product's own keys; what it measures it measures from outside.
"""
