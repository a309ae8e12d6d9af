"""Sheets on paper: what their PDF really holds, and that PDF and PNG agree."""
