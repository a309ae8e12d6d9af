"""Whole walks and faults with real processes, a real broker and a real database."""
