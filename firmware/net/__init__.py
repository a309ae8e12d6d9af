"""The data link: MQTT over a stream that is given, the loop that keeps it up, and the outbox's sender.

In: a stream with `read`, `write`, `close`, and messages. Out: messages from the cloud, and what was really sent.
Must never hold up a call. A TLS stream wraps the modem's stream here, between modem/sock.py and mqtt.py.
"""
