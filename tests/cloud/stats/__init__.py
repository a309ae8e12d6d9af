"""Reports: what they say of given facts."""
