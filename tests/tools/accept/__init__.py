"""The acceptance test of a terminal: what passes, what does not, and that nothing passes by itself."""
