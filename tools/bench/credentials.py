"""`onekey bench credentials`: a district's passwords from the registry into a broker, and one of them revoked.

In: how many terminals, how many of them connected. Out: seconds of each step, and how long the broker stood still when
it read its list again; the same list with a work factor beside it, which is what our credentials go without.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import resource
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud.devices.actions import credential
from tools.broker import config, files
from tools.broker.follow import apply
from tools.embedded import children
from tools.embedded.mosquitto import program
from tools.embedded.ports import free_port, listens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TARGET_S = 60.0  # made, written and read by the broker
ROUNDS_BESIDE = 101  # what Mosquitto's own tool takes
PER_SOURCE = 20_000  # connections of one loopback address, of its 28,000 ports
TOGETHER = 50  # log-ins at once
SLOW_S = 60.0


@dataclass
class Line:
    """One terminal's connection."""

    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)


def figures(terminals: int, connected: int, tell: Callable[[str, float], None]) -> dict[str, Any]:
    """Both runs."""
    connected = min(connected, terminals, _descriptors() - 200)
    found: dict[str, Any] = {"terminals": terminals, "connected": connected, "target_s": TARGET_S}
    for name, make in (("ours", credential), ("with_101_rounds", _with_rounds)):
        with tempfile.TemporaryDirectory(prefix="okcbc") as folder:
            found[name] = asyncio.run(_run(Path(folder), terminals, connected, make, partial(tell, name)))
    found["total_s"] = sum(found["ours"][step] for step in ("made_s", "written_s", "started_s"))
    return found


async def _run(
    folder: Path, terminals: int, connected: int, make: Callable[[str], str], tell: Callable[[float], None]
) -> dict[str, Any]:
    names = [f"BJCY{number:06}" for number in range(terminals)]
    began = time.perf_counter()
    rows = [(name, make(_password(name))) for name in names]
    made = time.perf_counter()
    apply(folder, rows)
    written = time.perf_counter()
    port = free_port()
    process = children.start([program("mosquitto", "mosquitto"), "-c", str(_configured(folder, port))])
    try:
        children.wait_until(lambda: listens(port), process, "mosquitto")
        started = time.perf_counter()
        async with AsyncExitStack() as stack:
            lines = await _connect(port, names[:connected], tell)
            for line in lines:
                stack.callback(line.writer.close)
            cut_off_s, still_s = await _revoke(folder, rows, lines)
            rss_mb = _rss_mb(process.pid)
            alive = sum(not line.reader.at_eof() for line in lines)
    finally:
        children.stop(process)
    return {
        "made_s": round(made - began, 3), "written_s": round(written - made, 3),
        "started_s": round(started - written, 3), "cut_off_s": round(cut_off_s, 3),
        "stood_still_s": round(still_s, 3), "others_alive": alive, "broker_rss_mb": rss_mb,
    }  # fmt: skip


async def _revoke(folder: Path, rows: list[tuple[str, str]], lines: list[Line]) -> tuple[float, float]:
    """The last terminal loses its credential: seconds until its line ends, and the longest that another waited."""
    worst = 0.0
    over = asyncio.Event()

    async def pings() -> None:
        nonlocal worst
        line = lines[0]
        while not over.is_set():
            asked = time.perf_counter()
            line.writer.write(b"\xc0\x00")
            await line.reader.readexactly(2)
            worst = max(worst, time.perf_counter() - asked)

    gone = rows.pop(len(lines) - 1)
    pinging = asyncio.ensure_future(pings())
    began = time.perf_counter()
    if not (await asyncio.to_thread(apply, folder, rows)).reread:
        raise RuntimeError("the broker was not told")
    async with asyncio.timeout(SLOW_S):
        if await lines[-1].reader.read(1):
            raise RuntimeError(f"{gone[0]} was told something")
    cut_off_s = time.perf_counter() - began
    over.set()
    await pinging
    return cut_off_s, worst


async def _connect(port: int, names: list[str], tell: Callable[[float], None]) -> list[Line]:
    lines: list[Line] = []
    for first in range(0, len(names), TOGETHER):
        some = range(first, min(first + TOGETHER, len(names)))
        lines += await asyncio.gather(
            *(_log_in(port, names[each], f"127.0.1.{1 + each // PER_SOURCE}") for each in some)
        )
        tell(len(lines) / len(names))
    return lines


async def _log_in(port: int, name: str, source: str) -> Line:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    words = b"".join(len(each).to_bytes(2, "big") + each.encode() for each in (name, name, _password(name)))
    body = b"\x00\x04MQTT\x04\xc2\x01\x2c" + words
    writer.write(bytes((0x10, len(body))) + body)
    if (await reader.readexactly(4))[3]:
        raise RuntimeError(f"{name} was not admitted")
    return Line(reader, writer)


def _configured(folder: Path, port: int) -> Path:
    """The terminals' door without TLS: what is measured is the list."""
    door = config.Door(
        address="127.0.0.1", port=port, users=folder / files.TERMINAL_USERS, rules=folder / files.TERMINAL_RULES,
        connections_max=-1, named_by_user=True,
    )  # fmt: skip
    files.put(folder / files.TERMINAL_RULES, config.terminal_rules())
    plan = config.Plan(doors=(door,), pid_file=folder / files.PID, user="root", log=f"file {folder}/log")
    files.put(folder / files.CONFIG, config.text(plan))
    return folder / files.CONFIG


def _password(name: str) -> str:
    return f"an invented password of {name}"


def _with_rounds(password: str) -> str:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS_BESIDE, 64)
    return f"$7${ROUNDS_BESIDE}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _descriptors() -> int:
    """Open files that one process may have: the broker and we need one for each connection."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def _rss_mb(pid: int) -> float:
    words: Iterator[str] = iter(Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split())
    for word in words:
        if word == "VmRSS:":
            return round(int(next(words)) / 1024, 1)
    raise RuntimeError("no such process")
