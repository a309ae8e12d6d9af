"""Our own board as code: circuit, rules, bill of materials, drawings, power budget.

In: the part catalogue and the circuit, and the firmware's board. Out: the generated files of hardware/.
Must never claim more than it computes: nothing here replaces a board that was built and measured.
"""
