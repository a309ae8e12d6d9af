"""Ingest, broker and database killed, frozen and cut off in turn under load; and what the books must say then."""
