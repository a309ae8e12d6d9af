"""Each terminal: identity, credential, last contact, what is known of it on each day.

In: checked, dated messages. Out: latest state, day counters, and how it stands (online, in call, silent since when).
Never decides about people: a case is opened one room further.
"""
