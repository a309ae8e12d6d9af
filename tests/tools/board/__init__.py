"""Tests of what any tool needs to talk to a board."""
