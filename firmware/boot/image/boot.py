"""Nothing. Frozen, it stands before a file of this name, so that no file is run in its place."""
