"""Mirrors cloud/devices."""
