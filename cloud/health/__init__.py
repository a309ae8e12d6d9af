"""What is wrong with each terminal, since when, why, and what to do: findings that open and close by themselves.

In: what the rooms below know of every terminal, thresholds, `now`. Out: rows of `finding`, and of `terminal_risk`: whom
first. Never talks to a terminal, never decides about people, and opens or closes nothing while our own front door does
not work.
"""
