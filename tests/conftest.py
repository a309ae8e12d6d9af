"""The list of fixture plugins, and what the tests run on."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.broker",
    "tests.fixtures.hardened",
    "tests.fixtures.timescale",
]
