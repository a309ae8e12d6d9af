"""Our board: its circuit, its rules, its files."""
