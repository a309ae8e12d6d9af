"""Tasks that never end: whatever ends one, it starts again.

In: names and tasks. Out: their deaths, counted and told. Must never let one task take another down.
One loop looks after all of them: a guard around each would cost the heap 130 bytes a task.
"""

import asyncio

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

_RESTART_S = const(0.2)  # at the longest between the death of a task and its new start


class Keeper:
    """`start` them, then await `run` for ever."""

    def __init__(
        self,
        tasks: "Callable[[], list[tuple[str, Callable[[], Awaitable[None]]]]]",
        note: "Callable[[str, dict[str, object]], None]",
    ) -> None:
        self.failures: "dict[str, int]" = {}  # task: times it died
        self._tasks = tasks  # in the order in which they begin
        self._note = note
        self._running: "dict[str, asyncio.Task[None]]" = {}

    def start(self) -> None:
        """Begin all."""
        asyncio.get_event_loop().set_exception_handler(self._uncaught)
        for name, task in self._tasks():
            self._begin(name, task)

    def _begin(self, name: str, task: "Callable[[], Awaitable[None]]") -> None:
        work: "Coroutine[object, object, None]" = task()  # type: ignore[assignment]
        self._running[name] = asyncio.create_task(work)

    async def run(self) -> None:
        """Look after them."""
        while True:
            await asyncio.sleep(_RESTART_S)
            if [name for name, task in self._running.items() if task.done()]:
                await self._revive()

    async def _revive(self) -> None:
        for name, task in self._tasks():
            ended = self._running[name]
            if ended.done():
                try:
                    await ended
                except (Exception, asyncio.CancelledError) as error:
                    self.told(name, error)
                self.failures[name] = self.failures.get(name, 0) + 1
                self._begin(name, task)

    def told(self, name: str, error: BaseException) -> None:
        """A line for tools."""
        self._note("task_failed", {"task": name, "error": repr(error)[:80]})

    def _uncaught(self, loop: object, context: "dict[str, object]") -> None:
        """Of a task that nobody waits for: one of ours is told when it is seen, any other died unseen until now."""
        error = context.get("exception")
        if isinstance(error, BaseException) and context.get("future") not in self._running.values():
            self.failures["other"] = self.failures.get("other", 0) + 1
            self.told("other", error)
