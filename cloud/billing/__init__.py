"""Usage days and money: what each terminal's day was, and what the term costs.

In: evidence of days (device_day, installation), contracts, ledgers in CSV files. Out: verdicts, exact amounts, exports.
Never rounds anywhere but once at the total, never uses a float, never changes a frozen day.
"""
