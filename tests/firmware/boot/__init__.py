"""See the README of tests."""
