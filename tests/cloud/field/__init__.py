"""Mirrors cloud/field."""
