"""Mirrors tools/device.py."""
