"""The service behind the terminals: takes their messages, opens cases, tells people, counts days, prices them.

Rooms import downhill only; `README.md` holds the walk, the glossary and what to touch for a change.
"""
