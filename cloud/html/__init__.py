"""How any page is drawn: the base page, filters for times and numbers, and everything static.

In: a template's name and what it shows. Out: HTML. It knows no room, reads no database and asks nothing from outside.
"""
