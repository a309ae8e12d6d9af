"""`onekey hardware check | write | netlist | bom | pins | draw | power`: the board's generated files.

In: the circuit, the rules, the firmware's board. Out: files under hardware/. `check` writes nothing; it ends with 1
where the circuit breaks a rule and with 2 where a committed file is not what the code makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools.hardware import bom, budget, netlist, pins, rules
from tools.hardware.circuit import board as drawn
from tools.hardware.draw import drawings

if TYPE_CHECKING:
    from tools.hardware.sheet import Sheet

ROOT = Path(__file__).resolve().parents[2] / "hardware"
BOARD = "board-okb-a"
MARK, END = "<!-- generated: budget -->\n", "<!-- end -->\n"
BROKEN, STALE = 1, 2

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Our board: circuit, rules, lists, drawings.")


def generated(board: netlist.Netlist, root: Path = ROOT) -> dict[Path, str]:
    """Every generated file with the text that it should hold."""
    folder = root / BOARD
    page = root / "power.md"
    return {
        folder / "okb-a.net": netlist.text(board, "tools/hardware"),
        folder / "bom.csv": bom.text(board),
        folder / "pinout.csv": pins.table(board),
        **{folder / name: text for name, text in drawings(board).items()},
        page: filled(page.read_text(encoding="utf-8")),
    }


def filled(page: str) -> str:
    """The page with its budget made anew. ValueError if it has no place for it."""
    head, middle, rest = page.partition(MARK)
    _, end, tail = rest.partition(END)
    if not middle or not end:
        raise ValueError("power.md has lost its marks")
    return f"{head}{MARK}\n{budget.text()}\n{END}{tail}"


def stale(board: netlist.Netlist, root: Path = ROOT) -> list[Path]:
    """Generated files that are missing or hold something else, and drawings that nothing makes."""
    files = generated(board, root)
    wrong = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    return wrong + [path for path in sorted((root / BOARD).glob("*.svg")) if path not in files]


def judged(sheet: Sheet) -> list[str]:
    """What SKiDL's check and our own rules find."""
    return [f"erc: {line}" for line in sheet.erc()] + rules.findings(sheet.netlist())


def _write(*endings: str) -> None:
    """Write the generated files whose names end so."""
    for path, text in generated(drawn().netlist()).items():
        if path.name.endswith(endings):
            path.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {path.relative_to(ROOT.parent)}")


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False) -> None:
    """Electrical check, our rules, freshness of the files. Ends with 1 for a broken rule, 2 for a stale file."""
    sheet = drawn()
    board = sheet.netlist()
    found = judged(sheet)
    old = [str(path.relative_to(ROOT.parent)) for path in stale(board)]
    if as_json:
        facts = {"parts": len(board.pieces), "nets": len(board.nets), "findings": found, "stale": old}
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        for line in found:
            typer.echo(f"失败：电路 / failed: {line}", err=True)
        for name in old:
            typer.echo(f"失败：文件过期，请运行 onekey hardware write / failed: stale, run it: {name}", err=True)
        if not found and not old:
            typer.echo(
                f"okb-a: {len(board.pieces)} parts, {len(board.nets)} nets, every rule holds, every file is fresh"
            )
    if found or old:
        raise typer.Exit(BROKEN if found else STALE)


@app.command()
def write() -> None:
    """Every generated file."""
    _write("")


@app.command(name="netlist")
def netlist_() -> None:
    """The netlist, in KiCad's form."""
    _write(".net")


@app.command(name="bom")
def bom_() -> None:
    """The bill of materials."""
    _write("bom.csv")


@app.command(name="pins")
def pins_() -> None:
    """The pin table that the firmware's board is compared with."""
    _write("pinout.csv")


@app.command()
def draw() -> None:
    """The drawings."""
    _write(".svg")


@app.command()
def power() -> None:
    """The power budget in power.md."""
    _write("power.md")
