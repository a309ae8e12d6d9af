"""`onekey pki`: our own certificate authority for the line between terminals and broker.

In: a folder, a file with a passphrase, names of hosts. Out: two roots, certificates for brokers, roots for terminals.
Must never write a private key that others on this machine can read, nor cut off a terminal by a rotation.
"""

from tools.pki.command import app

__all__ = ["app"]
