"""What others need of the wire, made from the protocol's tables: schemas, AsyncAPI, vectors, the README's tables.

In: the tables of `protocol`. Out: text of committed files. It never decides anything about the wire.
"""

from tools.wire.command import app

__all__ = ["app"]
