"""What terminals are told. In: a decision, inside the transaction that makes it. Out: MQTT messages after its commit.

Never publishes anything that is not committed; never forgets anything that is.
"""
