"""The tasks of the terminal: they carry out what core/ decides.

In: keys, steps of calls, messages, time. Out: calls, messages, lamp. Hardware, time and storage are given to them.
Must never let a fault of one task stop the keys.
"""
