"""Letters to our own teams. In: a letter for a day, settings, `now`. Out: a row, and a mail on its way over SMTP.

A row is sent until the server says 250, and never again after that is committed. Never a person's data in a letter,
an address or a password in a log, a row or an error, and never a line in the clear to another machine.
"""
