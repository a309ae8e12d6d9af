"""The technician's page: from an unopened box to a labelled terminal, what to do when a line says it failed, the home.

In: nothing but our own words. Out: one A4 page in Chinese that a black and white printer does justice to.
"""

from __future__ import annotations

from tools.guide.page import page

__all__ = ["page"]
