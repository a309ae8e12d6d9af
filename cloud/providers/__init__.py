"""Who can come: desks, stations, services, and when and where each of them answers.

In: a place and a moment. Out: those who serve there, with number and ring time.
It never decides in which order they are called: that is the calls room's.
"""
