"""Mirrors tools/stock and tools/sim."""
