"""Our program on an official image: files put one by one, compared by hash on the board, started by main.py.

In: a board's console, the bundle. Out: a file system that holds exactly the bundle besides what the program itself
keeps. main.py comes last, so that half a program is never started.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tools.board.bundle import MAIN
from tools.board.texts import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.board.bundle import Bundle
    from tools.board.console import Console

OURS = ("/firmware/", "/protocol/")  # nothing of anybody else's has a place there
STARTS = ("/boot.py", "/boot.mpy", "/main.py", "/main.mpy")  # what the interpreter starts by itself
KEPT_FREE = 64 * 1024  # bytes for outbox, configuration and records of days
BLOCK = 4096  # of the file system: a file takes whole ones
HALF = ".new"  # of a file that was being put


def same_board(console: Console, mac: str) -> None:
    """Raises BenchError if the port got another board since it was identified."""
    found = console.run("import machine\nprint(machine.unique_id().hex())").strip()
    if found != mac.replace(":", ""):
        raise BenchError("other_board", port=console.port, mac=found)


def quiet(console: Console) -> bool:
    """A board on which no program of ours runs, nor will after a reset; whether one did.

    Ctrl-C ended it, but its watchdog goes on: the board is started anew before anybody works on it for long.
    """
    there = [path for path in console.listing() if path in STARTS]
    for path in there:
        console.remove(path)
    if there:
        console.again()
    return bool(there)


def install(console: Console, bundle: Bundle, tell: Callable[[float], None], log: Callable[[str], None]) -> None:
    """Every file but main.py, as in the bundle. Files that are there already are not sent again."""
    found = console.run("import sys\nprint(getattr(sys.implementation, '_mpy', 0) & 0xff)").strip()
    if found != str(bundle.mpy):
        raise BenchError("old_python", found=found, wanted=bundle.mpy)
    quiet(console)
    _clear(console, bundle, log)
    wanted = {"/" + name: data for name, data in sorted(bundle.files.items()) if name != MAIN}
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in wanted.items()}
    there = console.hashes(list(wanted))
    missing = {path: data for path, data in wanted.items() if there.get(path) != hashes[path]}
    room = console.free()
    if room < KEPT_FREE + sum(-(-len(data) // BLOCK) * BLOCK for data in missing.values()):
        raise BenchError("full", path=f"{room // 1024} KB")
    console.folders([folder.rstrip("/") for folder in _folders(bundle)])
    for count, (path, data) in enumerate(missing.items(), 1):
        console.put(path, data)
        log(f"put {path} {len(data)}")
        tell(count / (len(missing) + 1))
    there = console.hashes(list(wanted))
    for path, digest in hashes.items():
        if there.get(path) != digest:
            raise BenchError("differs", path=path)


def enable(console: Console, bundle: Bundle) -> None:
    """The program starts with the board from now on."""
    console.put("/" + MAIN, bundle.files[MAIN])


def _folders(bundle: Bundle) -> set[str]:
    parents = [name.split("/")[:-1] for name in bundle.files]
    return {"/" + "/".join(parts[:depth]) + "/" for parts in parents for depth in range(1, len(parts) + 1)}


def _clear(console: Console, bundle: Bundle, log: Callable[[str], None]) -> None:
    """What an older program left; the deepest first, so that folders are empty when their turn comes."""
    folders = _folders(bundle)
    for path in sorted(console.listing(), key=len, reverse=True):
        keep = path in folders if path.endswith("/") else path[1:] in bundle.files
        if not keep and (path.startswith(OURS) or path.endswith(HALF)):
            console.remove(path)
            log(f"removed {path}")
