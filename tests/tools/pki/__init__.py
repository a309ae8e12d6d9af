"""Mirrors tools/pki."""
