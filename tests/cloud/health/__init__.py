"""Device health: the rules against a model, the store against the real schema."""
