"""`onekey guide`: the technician's page as a PDF to print.

In: where to put it. Out: one A4 page. It needs no network, no database and no bench.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.guide.page import page
from tools.paper import pdf
from tools.paper.fonts import NoFontError

app = typer.Typer(add_completion=False)

NOT_WRITTEN = 65  # exit code: no file was made


@app.command()
def guide(
    out: Annotated[Path, typer.Option(help="The PDF to write.")] = Path("guide.pdf"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Write the technician's one-page picture guide (Chinese, A4, black and white will do)."""
    try:
        out.write_bytes(pdf.render(page()))
    except NoFontError as error:
        print(f"失败：{error}", file=sys.stderr)
        raise typer.Exit(NOT_WRITTEN) from error
    except OSError as error:
        print(f"失败：写不了 {out} / failed: cannot write {out}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(NOT_WRITTEN) from error
    print(json.dumps({"pdf": str(out)}) if as_json else f"已生成，请按 A4 打印 / made, print it on A4: {out}")
