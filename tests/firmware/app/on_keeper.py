"""Run by CPython and by real MicroPython, whose loops treat an error that nobody waited for each in its own way."""

import asyncio

from firmware.app.keeper import Keeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TURNS = 40  # more than enough for a look after each death


class Bench:
    """Two tasks, one of which ends in the way a story says, and what is told of it."""

    def __init__(self, endings: "list[BaseException | None]") -> None:
        self.endings = endings
        self.deaths = len(endings)
        self.lived: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.beats = 0
        self.keeper = Keeper(self.tasks, lambda what, fields: self.told.append((what, str(fields["task"]))))

    def tasks(self) -> "list[tuple[str, Callable[[], Awaitable[None]]]]":
        return [("mortal", self.mortal), ("healthy", self.healthy)]

    async def mortal(self) -> None:
        self.lived.append("mortal")
        await asyncio.sleep(0)
        if self.endings:
            ending = self.endings.pop(0)
            if ending is not None:
                raise ending
            return
        await asyncio.Event().wait()

    async def healthy(self) -> None:
        self.lived.append("healthy")
        while True:
            self.beats += 1
            await asyncio.sleep(0.01)

    async def live(self) -> None:
        self.keeper.start()
        looking = asyncio.create_task(self.keeper.run())
        for _ in range(TURNS):
            await asyncio.sleep(0.05)
            if self.lived.count("mortal") > self.deaths:
                break
        looking.cancel()


def lived(endings: "list[BaseException | None]") -> Bench:
    bench = Bench(endings)
    asyncio.run(bench.live())
    return bench


def test_a_task_that_dies_in_any_way_starts_again_and_is_counted() -> None:
    """By an error, by its own end, by a cancellation that was meant for something within it."""
    bench = lived([ValueError("bad"), None, asyncio.CancelledError(), OSError(5)])
    assert bench.keeper.failures == {"mortal": 4}
    assert bench.lived.count("mortal") == 5
    assert bench.told == [("task_failed", "mortal")] * 3, bench.told


def test_nobody_else_notices() -> None:
    """The healthy one goes on, and is begun once."""
    bench = lived([ValueError("bad"), ValueError("bad")])
    assert bench.lived.count("healthy") == 1
    assert bench.beats > 2


def test_the_order_of_the_list_is_the_order_of_the_start() -> None:
    """The keys stand first in it."""
    assert lived([ValueError("bad")]).lived[:2] == ["mortal", "healthy"]
