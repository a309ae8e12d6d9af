"""Mirrors cloud/run."""
