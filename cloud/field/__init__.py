"""What technicians do in homes: install, swap, remove and retire terminals, with evidence; fleets that are taken over.

In: jobs with an id of their own, and files. Out: who has which terminal, visits, and counts by street.
A job that comes twice changes nothing, and no terminal goes into a home without a passed test or a written reason.
"""
