"""`onekey check-terminal`: the guided acceptance test of a terminal, from its keys to the cloud's receipt.

In: a provisioned board on a port, a technician. Out: a signed record, and a label after a pass. A part passes on what
the board or the network reports, or on a code that only somebody who saw or heard it can type.
"""

from tools.accept.bench import ready, run

__all__ = ["ready", "run"]
