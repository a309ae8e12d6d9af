"""`onekey image`: which images this bench may write.

In: a file that was downloaded or built, and the SHA-256 that its publisher states. Out: a registered copy, a list.
Nothing is downloaded.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tools.board import bench as benches
from tools.board import images
from tools.board.texts import BenchError

if TYPE_CHECKING:
    from tools.board.images import Image

app = typer.Typer(add_completion=False, no_args_is_help=True)

BenchOption = Annotated[Path | None, typer.Option(help="The bench's folder; else OKC_BENCH, else ~/.onekey-bench.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
KINDS = {"home": "住户 / home", "trial": "试用 / trial"}


def _fail(error: BenchError) -> NoReturn:
    print(error.line, file=sys.stderr)
    raise typer.Exit(error.code)


def _line(image: Image) -> str:
    return (
        f"{image.name}  {image.chip}  {image.version}  {KINDS[image.kind]}  {image.flash_mb} MB  sha256 {image.sha256}"
    )


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="The whole image, as downloaded or built.")],
    sha256: Annotated[str, typer.Option(help="As its publisher states it.")] = "",
    bench: BenchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register an image: read chip, version, kind and hash, and keep a copy."""
    try:
        image = images.add(benches.find(bench), file, sha256)
    except BenchError as error:
        _fail(error)
    print(json.dumps(asdict(image)) if as_json else _line(image))
    if image.kind == "trial" and not as_json:
        print("官方镜像只能试用，不能装到住户家里 / an official image is for trials, not for homes")


@app.command("list")
def list_(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """Registered images."""
    try:
        known = images.listing(benches.find(bench))
    except BenchError as error:
        _fail(error)
    if as_json:
        print(json.dumps({"images": [asdict(image) for image in known]}))
        return
    for image in known:
        print(_line(image))
    if not known:
        print(f"{images.WANTED_CN} / {images.WANTED}")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="Its name, or the start of its hash.")],
    bench: BenchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget an image; boards that have it keep it."""
    try:
        image = images.remove(benches.find(bench), name)
    except BenchError as error:
        _fail(error)
    print(json.dumps({"removed": asdict(image)}) if as_json else f"已移除 / removed: {_line(image)}")
