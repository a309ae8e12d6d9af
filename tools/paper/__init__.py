"""What is printed: sheets of a few plain shapes in millimetres, drawn alike as PDF (vector) and PNG (a printer's dots).

In: shapes. Out: bytes of a file that looks the same on any machine, because its fonts are embedded. Nothing here knows
what a label or a guide says.
"""
