"""What the child process runs: the firmware's own Terminal on the board of a simulated world. Runs in MicroPython.

In: `--name value` on the command line, frames on a pipe. Out: frames on another pipe. It adds nothing to the firmware.
"""

import asyncio
import gc
import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.main import Terminal
    from tools.virtual.board import World


def build(given: "dict[str, str]") -> "Terminal":
    """The terminal and everything below it."""
    from firmware import main  # noqa: PLC0415 - in this order, so that the heap's share of each can be measured
    from firmware.net import mqtt, roots, tls  # noqa: PLC0415
    from tools.virtual import board as virtual  # noqa: PLC0415

    gc.collect()
    before = gc.mem_alloc()  # type: ignore[attr-defined]
    world = virtual.World(int(given["in"]), int(given["out"]), int(given["us"]), float(given["factor"]))
    world.sample_ms = int(given.get("sample", "0"))
    virtual.install(world)
    gc.collect()
    world.rig = gc.mem_alloc() - before  # type: ignore[attr-defined]
    world.hello()
    board = virtual.Board(world, given["state"], given["cause"], int(given["seed"]))
    firmware = [sys.modules[name] for name in sys.modules if name.startswith("firmware")]
    virtual.place(virtual.System(board, int(given.get("cut", "0"))), firmware)
    firmware = []
    trusted = None
    if "roots" in given:
        with open(given["roots"], "rb") as file:  # noqa: PTH123 - MicroPython
            trusted = roots.split(bytes(file.read()))
    secret = given["password"].encode()
    terminal = main.Terminal(board, given["device"], given["server"], secret, trusted)
    gc.collect()
    before = gc.mem_alloc()  # type: ignore[attr-defined]
    world.probe = lambda: terminal.ladder.running
    mark_fires(terminal, world)
    mark_kept(terminal, world)
    mark_end("secure", tls.TLSStream, "open", world)
    mark_end("session", mqtt.Client, "connect", world)
    gc.collect()
    world.rig += gc.mem_alloc() - before  # type: ignore[attr-defined]
    return terminal


def mark_fires(terminal: "Terminal", world: "World") -> None:
    """Tell the world the moment in which a key's rule says that it fires, before anything is done about it."""
    keys = terminal.alarm.keys

    def marked(rule: "Callable[..., list[tuple[object, ...]]]") -> "Callable[..., list[tuple[object, ...]]]":
        def run(*args: object) -> "list[tuple[object, ...]]":
            actions = rule(*args)
            for action in actions:
                if action[0] == "fire":
                    world.act("f", str(action[1]).encode())
            return actions

        return run

    keys.edges = marked(keys.edges)  # type: ignore[method-assign]
    keys.tick = marked(keys.tick)  # type: ignore[method-assign]


def mark_kept(terminal: "Terminal", world: "World") -> None:
    """Tell the world each message that is put into the outbox, before it is, and what had to go for it."""
    add = terminal.outbox.add

    def marked(kind: str, fields: "dict[str, object]", now: int) -> "list[str]":
        world.act("o", json.dumps([kind, fields]).encode())
        dropped = add(kind, fields, now)
        for one in dropped:
            world.act("o", json.dumps([None, {"id": one}]).encode())
        return dropped

    terminal.outbox.add = marked  # type: ignore[method-assign]


def mark_end(name: str, kind: type, method: str, world: "World") -> None:
    """Tell the world when a method of every object of this kind has ended well."""
    inner = getattr(kind, method)

    async def marked(*args: object, **named: object) -> object:
        result = await inner(*args, **named)
        world.act("m", name.encode())
        return result

    setattr(kind, method, marked)


def run(argv: "list[str]") -> None:
    """Everything is on the command line."""
    given = {argv[at][2:]: argv[at + 1] for at in range(0, len(argv) - 1, 2)}
    terminal = build(given)
    # A board has no command line.
    argv[:] = []
    sys.argv[:] = []
    given.clear()
    asyncio.run(terminal.run())


if __name__ == "__main__":
    run(sys.argv[1:])
