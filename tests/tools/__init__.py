"""Commands, as their users call them."""
