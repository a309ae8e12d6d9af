"""Labels, read back by a reader that shares nothing with what drew them."""
