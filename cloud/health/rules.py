"""Which findings hold of one terminal now. Pure: facts, thresholds, a clock and what is open in; findings out.

The same facts give the same findings, however often and in whatever order they are looked at; a level between its two
thresholds keeps what it was. Who is in stock, paused or retired has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud.health import cards, contact, levels, proofs, told, trends
from cloud.health.models import GROUPS, Facts, Finding, Limits, Rule
from cloud.health.trendfacts import NONE as NO_TRENDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from cloud.health.elapsed import Clock

_ALL = (*contact.RULES, *told.RULES, *levels.RULES, *proofs.RULES, *cards.RULES, *trends.RULES)
RULES: tuple[Rule, ...] = tuple(rule for group in GROUPS for rule in _ALL if rule.group == group)
BY_NAME: dict[str, Rule] = {rule.name: rule for rule in RULES}

# Without remarkable days none of the others holds: nine terminals of ten are looked at by these alone.
_WITHOUT_TRENDS = tuple(rule for rule in RULES if rule not in trends.RULES)

# What these are measured on moves along with the time; what is open keeps the moment at which it began.
_KEEPS_SINCE = frozenset(
    {"unsteady", *(rule.name for rule in (*levels.RULES, *cards.RULES, *trends.RULES))} - {"sim_expiring"}
)


def findings(facts: Facts, limits: Limits, clock: Clock, open_now: Mapping[str, Finding]) -> list[Finding]:
    """Those that hold now; `open_now`: the open ones of this terminal by rule."""
    terminal = facts.terminal
    if terminal.status != "installed":
        return []
    found = []
    for rule in _WITHOUT_TRENDS if facts.trends is NO_TRENDS else RULES:
        known = open_now.get(rule.name)
        cause = rule.judge(facts, limits, clock, known)
        if cause is None:
            continue
        since = min(cause.since, clock.now)  # a terminal's clock may be a little ahead of ours
        if known is not None and rule.name in _KEEPS_SINCE:
            since = min(since, known.since)
        found.append(
            Finding(
                device_id=terminal.device_id, rule=rule.name, rule_version=rule.version, since=since,
                evidence=cause.evidence, owner=rule.owner,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Difference:
    """What one look changes."""

    opened: list[Finding]
    changed: list[Finding]
    closed: list[Finding]
    still: int  # open before and after, changed or not


def difference(before: Iterable[Finding], after: Iterable[Finding]) -> Difference:
    """From what is open to what holds. An open finding that says the same is not written again."""
    was = {(each.device_id, each.rule): each for each in before}
    holds = {(each.device_id, each.rule): each for each in after}
    return Difference(
        opened=[each for key, each in holds.items() if key not in was],
        changed=[each for key, each in holds.items() if key in was and was[key] != each],
        closed=[each for key, each in was.items() if key not in holds],
        still=sum(key in was for key in holds),
    )


def renewed(step: Difference, opened_at: Mapping[tuple[str, str], datetime]) -> Difference:
    """The same, but what began after its finding was opened is another case of the same illness, not the same one.

    Between two looks a cause may have gone and come again; looks may be far apart when the sweep was away.
    """
    again = [each for each in step.changed if each.since > opened_at[each.device_id, each.rule]]
    if not again:
        return step
    return Difference(
        opened=[*step.opened, *again],
        changed=[each for each in step.changed if each.since <= opened_at[each.device_id, each.rule]],
        closed=[*step.closed, *again],
        still=step.still - len(again),
    )
