"""`onekey guide`: the technician's page as a PDF to print.

In: where to put it. Out: one A4 page. It needs no network, no database and no bench.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.board.texts import BenchError
from tools.guide.page import page
from tools.paper import pdf
from tools.paper.fonts import NoFontError

app = typer.Typer(add_completion=False)

# name: (exit code, Chinese, English)
TEXTS: dict[str, tuple[int, str, str]] = {
    "no_guide": (56, "一页图没有写成：{out}（{why}）", "the guide was not written: {out} ({why})"),
}


class GuideError(BenchError):
    """No guide."""

    table = TEXTS


@app.command()
def guide(
    out: Annotated[Path, typer.Option(help="The PDF to write.")] = Path("guide.pdf"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Write the technician's one-page picture guide (Chinese, A4, black and white will do)."""
    try:
        out.write_bytes(pdf.render(page()))
    except (NoFontError, OSError) as error:
        failed = GuideError("no_guide", out=out, why=error)
        print(failed.line, file=sys.stderr)
        raise typer.Exit(failed.code) from error
    print(json.dumps({"pdf": str(out)}) if as_json else f"已生成，请按 A4 打印 / made, print it on A4: {out}")
