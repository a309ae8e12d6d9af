"""Letters to our own teams, over a real SMTP server."""
