"""`onekey device`: the registry of terminals, their credentials, and whole fleets in and out.

In: ids, and files of terminals (CSV, xlsx). Out: rows of the registry, lists, exports, progress by street.
A password is shown once and kept nowhere; numbers and names leave masked unless somebody says why.
"""

from tools.device import exports, firstaid, imports, people, settings
from tools.device.command import app

__all__ = ["app", "exports", "firstaid", "imports", "people", "settings"]
