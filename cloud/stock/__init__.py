"""From a box of boards to terminals of the registry: reserved identities, signed records of benches, SIM cards.

In: what operators ask for, and files that benches signed without a network. Out: rows of the registry, and why not.
Must never give one identity to two boards, nor keep a password or a number that can be read.
"""
