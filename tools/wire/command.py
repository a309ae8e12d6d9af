"""`onekey protocol write | check`: write the generated files of protocol/, or say which are stale.

In: nothing but the tables. Out: files under protocol/. `check` writes nothing and ends with 1 where a file is stale.
"""

from __future__ import annotations

from pathlib import Path

import typer

import protocol
from tools.wire import asyncapi, readme, schema, vectors

ROOT = Path(protocol.__file__).parent

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Generated files of the wire protocol.")


def generated(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file with the text that it should hold."""
    files: dict[Path, str] = {}
    for name, text in {**schema.files(), **asyncapi.files()}.items():
        files[root / "schema" / name] = text
    for name, text in vectors.files().items():
        files[root / "vectors" / name] = text
    page = root / "README.md"
    files[page] = readme.filled(page.read_text(encoding="utf-8"))
    return files


def stale(root: Path = ROOT) -> list[Path]:
    """Generated files that are missing or hold something else, and files in their folders that nothing generates."""
    files = generated(root)
    found = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for folder in ("schema", "vectors"):
        found += [path for path in sorted((root / folder).glob("*")) if path not in files]
    return found


@app.command()
def write() -> None:
    """Write every generated file."""
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    typer.echo(f"{len(generated())} files written under {ROOT}")


@app.command()
def check() -> None:
    """Say which generated files are stale; 1 if any is."""
    found = stale()
    for path in found:
        typer.echo(f"stale: {path.relative_to(ROOT.parent)}", err=True)
    if found:
        typer.echo("run `onekey protocol write`", err=True)
        raise typer.Exit(1)
    typer.echo("all generated files are fresh")
