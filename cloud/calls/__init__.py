"""A case from press to close: facts, state, the ladder of people to call, and what the desk does.

In: new messages of a terminal, actions of the desk, the passing of time. Out: facts, the case computed from them,
rows for the down link, NOTIFY `live`. It never forgets a press, never accepts one by itself, never deletes a fact.
"""
