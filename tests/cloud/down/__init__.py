"""Mirrors cloud/down."""
