"""Servers for the demo and the tests: a PostgreSQL and a broker that live and die with the program that started them.

In: a folder to work in. Out: addresses. Never for production: trust authentication behind a private folder.
"""
