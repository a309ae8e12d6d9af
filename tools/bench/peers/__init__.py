"""Others who carry messages from a broker into PostgreSQL, run beside us in `onekey bench ingest`; see README.md here.

None is a dependency of ours: each is fetched or built into a folder for the bench. One that cannot be had is told.
"""

from __future__ import annotations

from tools.bench.peers.node_red import NodeRed
from tools.bench.peers.telegraf import Telegraf

KNOWN = (Telegraf(), NodeRed())
