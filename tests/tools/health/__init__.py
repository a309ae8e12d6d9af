"""`onekey health` as after-sales calls it."""
