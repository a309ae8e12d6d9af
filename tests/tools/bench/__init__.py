"""Figures and the judge of the soak."""
