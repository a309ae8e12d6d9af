"""`onekey billing` as finance and the auditor call it."""
