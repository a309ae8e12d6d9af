"""`onekey sim` against a platform; the stock's own part is in tests/tools/stock."""
