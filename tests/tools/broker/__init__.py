"""Mirrors tools/broker."""
