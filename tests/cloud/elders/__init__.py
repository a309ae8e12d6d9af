"""Tests of the elders room."""
