"""Mirrors cloud/stock."""
