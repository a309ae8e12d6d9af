"""One acceptance test from the first part to the verdict.

In: a session with the board, the technician, what the terminal must be. Out: every part with its verdict. A part that
failed is offered again, for a cap may sit askew; whatever is missing in the end refuses the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.accept import plan
from tools.accept.parts import PARTS, Bench, FailedError
from tools.accept.person import NobodyThereError
from tools.accept.session import BrokenError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

AGAIN, LEAVE = "r", "x"  # typed after a part that failed: once more, or leave it


def run(bench: Bench, names: Sequence[str] = plan.PARTS) -> list[plan.Part]:
    """All parts in their order. A broken conversation or a technician who left ends the test there."""
    done: list[plan.Part] = []
    for at, name in enumerate(names, 1):
        part = plan.Part(name)
        done.append(part)
        chinese, english = plan.TITLES[name]
        bench.person.tell(
            "part", f"第 {at}/{len(names)} 步：{chinese}", f"part {at} of {len(names)}: {english}", part=name
        )
        try:
            while not _try(bench, part) and _again(bench, part):
                pass
        except BrokenError as error:
            part.why = f"与终端的连接断开：{error} / lost the board: {error}"
            break
        except NobodyThereError:
            part.why = "没有人回答 / nobody answered the question"
            break
    return done


def _try(bench: Bench, part: plan.Part) -> bool:
    try:
        part.facts = PARTS[part.name](bench)
    except (FailedError, RefusedError) as error:
        part.why = str(error)
        return False
    part.passed, part.why = True, ""
    bench.person.tell("passed", f"通过：{plan.TITLES[part.name][0]}", f"passed: {part.name}", part=part.name)
    return True


def _again(bench: Bench, part: plan.Part) -> bool:
    bench.person.tell("failed", f"未通过：{part.why}", "failed", part=part.name)
    return (
        bench.person.ask("again", f"再试一次请输入 {AGAIN}，放弃请输入 {LEAVE}", f"{AGAIN}: again, {LEAVE}: leave")
        == AGAIN
    )


def passed(parts: Sequence[plan.Part], names: Sequence[str] = plan.PARTS) -> bool:
    """Whether every part was done and passed."""
    return [part.name for part in parts if part.passed] == list(names)


def steps(parts: Sequence[plan.Part]) -> list[dict[str, object]]:
    """As a record has them; why a part did not pass is one of its facts."""
    return [
        {"name": part.name, "passed": part.passed, "facts": {**part.facts, **({"why": part.why} if part.why else {})}}
        for part in parts
    ]
