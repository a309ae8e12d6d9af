"""Billing: exact money, strict files, days decided from evidence."""
