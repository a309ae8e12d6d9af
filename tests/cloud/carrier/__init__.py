"""Mirrors cloud/carrier."""
