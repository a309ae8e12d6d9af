"""`onekey broker`: the broker as part of the product.

In: certificates of `onekey pki`, the registry's credentials. Out: a hardened Mosquitto configuration, and its password
file kept as the registry is. Must never write a password that another user of the machine can read.
"""

from tools.broker.command import app

__all__ = ["app"]
