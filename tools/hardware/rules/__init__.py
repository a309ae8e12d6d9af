"""What must be so on `okb-a`, whoever draws it: pure functions over the netlist, one finding a line.

In: a netlist, its pin table, the firmware's board and its times. Out: findings, none if all is well.
Must never read how the circuit was drawn, and must miss every part that is taken out: a part that no rule asks for is
itself a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.rules import bridges, lines, supply
from tools.hardware.rules.report import Report

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

_RULES = (
    *bridges.RULES, *supply.RULES, *lines.RULES,
)  # fmt: skip


def findings(board: Netlist) -> list[str]:
    """Everything that is wrong with a board."""
    report = Report(board)
    for rule in _RULES:
        rule(report)
    report.unasked()
    return report.found
