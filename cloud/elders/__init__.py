"""The people a terminal serves: home, elder, contacts, and which terminal is in which home.

In: questions by terminal or home. Out: a household as routing and the desk need it, unsealed.
It never decides who is called, and never writes a name or a number in the clear.
"""
