"""Storage, configuration and commands of the terminal."""
