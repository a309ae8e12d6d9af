"""`onekey demo` as its user runs it."""
