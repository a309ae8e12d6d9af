"""The front door for terminals. In: MQTT messages. Out: checked, dated, stored messages handed to the corridor.

Acknowledges to the broker only after the commit, in order of arrival. Never loses a message for being bad: it is
kept in quarantine with the reason. Never lets one message stop the next.
"""
