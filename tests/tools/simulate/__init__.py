"""`onekey simulate` against a real broker."""
