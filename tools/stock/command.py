"""The commands of `onekey stock`: reserve, merge, benches, list, unlock-code, reissue, close.

In: the registry's settings, files of benches. Out: private files for benches, tables, reasons line by line.
Passwords go into a private file and nowhere else; an unlock code is shown once and its reason kept.
"""

from __future__ import annotations

import getpass
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cloud import clock
from cloud.settings import RegistrySettings, Settings
from cloud.stock import actions, store
from tools.stock.registry import NewFile, do, refused, say

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.sealed import Box
    from cloud.stock.models import Outcome

app = typer.Typer(no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
BenchName = Annotated[str, typer.Option("--bench", help="Name of the bench: 2 to 12 capitals and digits.")]
Out = Annotated[Path, typer.Option("--out", help="New file, readable by you only: carry it to the bench, not by mail.")]
Server = Annotated[str, typer.Option(help="HOST:PORT of the broker, as terminals reach it.")]
Roots = Annotated[Path, typer.Option(help="Roots that terminals trust: `roots.der` of `onekey pki export`.")]
DeviceId = Annotated[str, typer.Argument(metavar="ID", help="The terminal's id.")]

SOME_REFUSED = 4  # the rest of the file counts
FILE_BYTES_MAX = 64 << 20  # a year of a busy bench is a tenth of it


@app.callback()
def _stock() -> None:
    """Identities for benches, and what benches signed."""


@app.command()
def reserve(
    *,
    bench: BenchName,
    count: Annotated[int, typer.Option(help="How many ids.")],
    out: Out,
    server: Server,
    roots: Roots,
    prefix: Annotated[str, typer.Option(help="Capitals before the number.")] = "XC",
    board: Annotated[str, typer.Option(help="Board that the bench makes unless it says otherwise.")] = "okb-a",
    as_json: Json = False,
) -> None:
    """Reserve ids for a bench; their credentials are known to the broker with its next list."""
    fixed = {"server": _server(server), "roots": _roots(roots), "board": board}

    async def work(conn: Conn, box: Box, settings: Settings) -> dict[str, Any]:
        hotline = (settings.hotline_label, settings.hotline_number)
        made = await actions.reserve(conn, box, bench, prefix, count, hotline=hotline, now=clock.now())
        file.write(made | fixed)
        return made

    with NewFile(out) as file:
        made = do(work, Settings)
    names = [each["device_id"] for each in made["devices"]]
    fields = {"bench": bench, "first": names[0], "last": names[-1], "count": len(names), "file": str(out)}
    say(as_json, fields, f"{names[0]} … {names[-1]}，共 {count} 个 / ids: {out}\n"
        f"接着生成代理的口令表 / now the broker's list: onekey device credentials FILE")  # fmt: skip


@app.command()
def reissue(device_id: DeviceId, out: Out, server: Server, roots: Roots, as_json: Json = False) -> None:
    """Another password for a board whose storage was erased; the old one ends with the broker's next list."""
    fixed = {"server": _server(server), "roots": _roots(roots), "board": "okb-a"}

    async def work(conn: Conn, box: Box, settings: Settings) -> str:
        hotline = (settings.hotline_label, settings.hotline_number)
        made = await actions.reissue(conn, box, device_id, hotline=hotline, now=clock.now())
        file.write(made | fixed)
        return str(made["bench"])

    with NewFile(out) as file:
        bench = do(work, Settings)
    say(
        as_json,
        {"device_id": device_id, "bench": bench, "file": str(out)},
        f"{device_id}: {out}，给工作台 {bench} / for bench {bench}",
    )


@app.command()
def merge(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="records.jsonl of a bench; handing it in again is safe.")
    ],
    as_json: Json = False,
) -> None:
    """Take what a bench signed. Exit code 4: some lines were refused, or records are missing; the rest counts."""
    lines = _lines(file)
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("合并 / merging", total=len(lines))

    async def work(conn: Conn, _box: Box, _settings: RegistrySettings) -> Any:
        return await actions.merge(conn, lines, clock.now(), lambda: bar.advance(task))

    with bar:
        outcomes, gaps = do(work, RegistrySettings)
    counts = {name: sum(each.result == name for each in outcomes) for name in ("merged", "known", "refused")}
    bad = [asdict(each) for each in outcomes if each.result == "refused"]
    say(as_json, {**counts, "refusals": bad, "gaps": gaps}, "\n".join(_told(file, counts, outcomes, gaps)))
    if bad or gaps:
        raise typer.Exit(SOME_REFUSED)


def _told(
    file: Path, counts: dict[str, int], outcomes: list[Outcome], gaps: dict[str, list[tuple[int, int]]]
) -> list[str]:
    told = [f"{file}:{one.line}: 拒绝 / refused: {one.reason}" for one in outcomes if one.result == "refused"]
    for bench, stretches in gaps.items():
        named = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in stretches)
        told.append(f"{bench}: 缺少记录 / records missing: {named}")
    told.append(f"合并 {counts['merged']}，已有 {counts['known']}，拒绝 {counts['refused']} / "
                f"{counts['merged']} merged, {counts['known']} known, {counts['refused']} refused")  # fmt: skip
    return told


@app.command()
def benches(as_json: Json = False) -> None:
    """Every bench: ids left, terminals made, records handed in."""
    found = do(lambda conn, _box, _settings: store.benches(conn), RegistrySettings)
    for each in found:
        each["key"] = hashlib.sha256(each.pop("public_key")).hexdigest()[:16]
    lines = [
        f"{each['bench']:<12} {each['reserved']:>6} reserved {each['provisioned']:>6} made "
        f" {each['records'] or 0} records ({each['refused'] or 0} refused){'  closed' if each['closed_at'] else ''}"
        for each in found
    ]
    say(as_json, {"benches": found}, "\n".join(lines) or "没有工作台 / no benches")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """What is reserved and in stock, by bench, board, image and test."""
    found = do(lambda conn, _box, _settings: store.stock(conn), RegistrySettings)
    lines = [
        f"{each['bench'] or '-':<12} {each['status']:<9} {each['board'] or '-':<22} {each['image_kind'] or '-':<6}"
        f" {'passed' if each['passed'] else 'not tested':<11} {each['terminals']:>6}"
        for each in found
    ]
    say(as_json, {"stock": found}, "\n".join(lines) or "没有库存 / nothing in stock")


@app.command("unlock-code")
def unlock_code(
    device_id: DeviceId,
    reason: Annotated[str, typer.Option(help="Why its console is to be opened; kept for ever.")],
    by: Annotated[str, typer.Option(help="Who asks; without it, who is logged in here.")] = "",
    as_json: Json = False,
) -> None:
    """The code that opens a terminal's console."""
    actor = by or getpass.getuser()
    code = do(
        lambda conn, box, _settings: actions.unlock_code(
            conn, box, device_id, reason=reason, actor=actor, now=clock.now()
        ),
        RegistrySettings,
    )
    say(as_json, {"device_id": device_id, "code": code}, code)


@app.command()
def close(bench: Annotated[str, typer.Argument(metavar="BENCH")], as_json: Json = False) -> None:
    """A bench is lost or given up: what it signs from now on is refused, its unused ids are revoked."""
    revoked = do(lambda conn, _box, _settings: actions.close_bench(conn, bench, clock.now()), RegistrySettings)
    say(
        as_json,
        {"bench": bench, "revoked": revoked},
        f"{bench} 已停用，{revoked} 个编号作废，请更新代理的口令表 / {revoked} ids revoked; now the broker's list",
    )


def _server(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536 or not text.isascii():
        raise refused(f"服务器地址应为 主机:端口，不是 {text}", f"{text}: not HOST:PORT")
    return text


def _roots(path: Path) -> list[str]:
    from firmware.net.roots import split  # noqa: PLC0415 - as the terminal reads them

    try:
        found = split(path.read_bytes())
    except (OSError, ValueError):
        found = []
    if not found:
        raise refused(f"{path} 不是根证书文件", f"{path} holds no roots in DER; onekey pki export makes them")
    return [one.hex() for one in found]


def _lines(file: Path) -> list[str]:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise refused(f"{file} 过大", f"{file} is larger than {FILE_BYTES_MAX >> 20} MiB")
        text = file.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise refused(f"读不到 {file}", f"{file}: {error.strerror}") from None
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]
