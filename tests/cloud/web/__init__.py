"""Tests of the front door for people, partly in a real browser."""
