"""What technicians do in homes, by command: `onekey install`, `swap`, `remove`, `retire`; one module each.

In: a terminal's id from its label, a home, pictures and answers. Out: a job with an id of its own, kept in a file and
applied to the registry once, however bad the network is. No name, number or address on the screen unless asked for.
"""
