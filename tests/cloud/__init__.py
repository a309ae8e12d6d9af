"""Mirrors cloud/: rules without services, stores on a real database."""
