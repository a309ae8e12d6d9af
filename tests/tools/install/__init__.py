"""Mirrors tools/install."""
