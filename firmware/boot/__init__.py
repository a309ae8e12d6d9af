"""From power on to a program that answers the keys, whatever else is broken.

In: a chip and a board's table. Out: the terminal, the terminal without files and data, or the smallest program.
`image/` holds the three files that the interpreter looks for by name. Must never wait, and never loop without end.
"""
