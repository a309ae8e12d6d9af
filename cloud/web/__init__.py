"""The front door for people: pages and JSON.

In: requests from this machine only, until people can log in. Out: what a person may see; actions of the desk, each
in one transaction. It accepts no case by itself and shows personal data in the clear only during an emergency.
"""
