"""Our own board as code: circuit, rules, bill of materials, drawings, power budget.

In: the part catalogue and the circuit, and the pin table of hardware/. Out: the generated files of hardware/board-okb-a.
Must never claim more than it computes: nothing here replaces a board that was built and measured.
"""
