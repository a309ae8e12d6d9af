"""Counts and reports over everything below: read-only.

In: rows of the other rooms. Out: reports for the people who keep the terminals working. Never writes a row.
"""
