"""Parts of the heap that a desk pays and a board does not; runs in MicroPython.

In: `list`, `measure` and paths, or `driver` and paths. Out: JSON. A frozen image keeps bytecode in flash; here it lies
on the heap, and so does the machine of the simulated world. What both cost is added to the heap of a run that imitates
a board's. What a board has and a desk has not is its driver: that is told apart.
"""

import gc
import json
import sys


def loaded() -> "dict[str, object]":
    """Paths of the terminal's own modules, and bytes that the simulated machine takes on top of them."""
    from firmware import main  # noqa: F401, PLC0415

    # Before the machine is there: what it pulls in is its own share, and must not be counted twice.
    paths = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
    gc.collect()
    before = gc.mem_alloc()  # type: ignore[attr-defined]
    from tools.virtual import board, inside  # noqa: F401, PLC0415

    gc.collect()
    rig = gc.mem_alloc() - before  # type: ignore[attr-defined]
    total = gc.mem_alloc() + gc.mem_free()  # type: ignore[attr-defined]
    return {
        "total": total,
        "paths": sorted([path for path in paths if "/firmware/" in path or "/protocol/" in path]),
        "rig": rig,
    }


def in_flash(paths: "list[str]") -> int:
    """Bytes of heap that imported code of these files holds and a frozen image has in flash.

    What importing takes, less what it makes in either case: functions, classes, tables of names. That part is found by
    executing each file's code once more while the code itself is already there.
    """
    import asyncio  # noqa: F401, PLC0415 - of MicroPython itself: not ours to count
    import ssl  # noqa: F401, PLC0415

    gc.collect()
    before = gc.mem_alloc()  # type: ignore[attr-defined]
    for path in paths:
        __import__(_module(path), None, None, ["*"])
    gc.collect()
    imported = int(gc.mem_alloc() - before)  # type: ignore[attr-defined]
    return imported - _made(paths)


def _made(paths: "list[str]") -> int:
    """Bytes that executing the code of these files makes. What they import is there already."""
    made = 0
    kept = []
    for path in paths:
        with open(path) as file:  # noqa: PTH123 - MicroPython
            code = compile(file.read(), path, "exec")
        names = {"__name__": _module(path)}
        gc.collect()
        before = gc.mem_alloc()  # type: ignore[attr-defined]
        exec(code, names)  # noqa: S102 - our own file
        gc.collect()
        made += gc.mem_alloc() - before  # type: ignore[attr-defined]
        kept.append((code, names))
    return made


class _Anything:
    """The chip's own modules, for files that are executed and not used."""

    def __getattr__(self, name: str) -> "_Anything":
        return self


def driver(paths: "list[str]") -> int:
    """Bytes that a board's files take of its heap once they are imported."""
    for name in ("machine", "esp32"):
        sys.modules[name] = _Anything()  # type: ignore[assignment]
    for path in paths:
        __import__(_module(path), None, None, ["*"])
    return _made(paths)


def _module(path: str) -> str:
    for root in ("/firmware/", "/protocol/"):
        at = path.rfind(root)
        if at >= 0:
            name = path[at + 1 :].replace("/", ".")[:-3]
            return name[:-9] if name[-9:] == ".__init__" else name
    raise ValueError(path)


def loop() -> "dict[str, int]":
    """µs for some work of the interpreter, to be compared with a board: calls, attributes, arithmetic, objects."""
    import time  # noqa: PLC0415

    class Thing:
        def __init__(self) -> None:
            self.value = 0

        def add(self, count: int) -> int:
            self.value = (self.value + count) & 0xFFFF
            return self.value

    thing, items = Thing(), [0] * 16
    best = 1 << 30
    for _ in range(5):
        begun = time.ticks_us()  # type: ignore[attr-defined]
        for at in range(20_000):
            items[at & 15] = thing.add(at) ^ len(items)
            if items[at & 7] > 40_000:
                items = list(items)
        best = min(best, time.ticks_us() - begun)  # type: ignore[attr-defined]
    return {"loops": 20_000, "us": best}


if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(json.dumps(loaded()))
    elif sys.argv[1] == "loop":
        print(json.dumps(loop()))
    elif sys.argv[1] == "driver":
        print(driver(sys.argv[2:]))
    else:
        print(in_flash(sys.argv[2:]))
