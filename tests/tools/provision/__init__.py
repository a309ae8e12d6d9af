"""Mirrors tools/provision."""
