"""No task takes another down with it, on either interpreter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.firmware.app import on_keeper
from tests.micropython import unix

if TYPE_CHECKING:
    from collections.abc import Callable

STORIES = [getattr(on_keeper, name) for name in dir(on_keeper) if name.startswith("test_")]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_on_cpython(story: Callable[[], None]) -> None:
    """on_keeper.py has the stories."""
    story()


def test_on_micropython() -> None:
    """Where a dead task is told to the loop's handler at once, and not when it is collected."""
    done = unix.run("run.py", "tests.firmware.app.on_keeper")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "3 passed, 0 failed"
    assert "retrieved" not in done.stderr + done.stdout


def test_a_task_of_nobody_is_counted_when_it_dies() -> None:
    """Its error would otherwise go to a console that no home has."""
    bench = on_keeper.Bench([])

    async def story() -> None:
        bench.keeper.start()
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "", "exception": ValueError("lost"), "future": object()})
        loop.call_exception_handler({"message": "no exception in it"})

    asyncio.run(story())
    assert bench.keeper.failures == {"other": 1}
    assert bench.told == [("task_failed", "other")]
