"""`onekey bench health`: what the rules find of what was planted, and how long a look, a report and a sheet take.

In: sizes. Out: recall and false findings of a judged history through the product's own ingest; seconds at a district's
size. Each stands beside the settings it depends on.
"""
