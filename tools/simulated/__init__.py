"""Terminals without hardware: they speak the protocol to a real broker and keep its promises.

In: a broker and credentials. Out: traffic as terminals make it, and counts of it. Knows nothing of the cloud's inside.
"""
