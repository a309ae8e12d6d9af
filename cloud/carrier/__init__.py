"""What the operator's platform says of our SIM cards: state, voice, use, expiry, lock; and of the pools they share.

In: pages of an HTTP interface (CONTRACT.md), read and never written. Out: rows of `sim_account` and `sim_pool_use`.
Must never dial or send a message, never change a card, and never take a card away because an answer was not whole.
"""
