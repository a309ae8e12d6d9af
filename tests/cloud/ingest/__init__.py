"""Mirrors cloud/ingest."""
