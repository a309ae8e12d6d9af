"""`onekey check-terminal`: the guided acceptance test of a terminal."""
