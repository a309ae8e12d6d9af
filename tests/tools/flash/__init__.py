"""`onekey flash` against a ROM loader that answers as a chip does."""
