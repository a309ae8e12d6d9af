"""`onekey label reprint DEVICE`: the label of a terminal that passed its test on this bench, once more.

In: a device id and the bench's folder. Out: the same PDF and PNG as after the test. Without a signed, passed record as
the last word on that device there is no label, and no option changes that.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.stock.record import signed_at
from tools.label import LEGEND, SMALL, BadLabelError, Label, legends, make, passed
from tools.paper.fonts import NoFontError

app = typer.Typer(no_args_is_help=True, add_completion=False)

# Exit codes, for scripts at the bench.
NOT_PASSED, DAMAGED, NO_BENCH, BAD_LABEL, NOT_WRITTEN = 60, 61, 62, 63, 64
SIZES = {size.name: size for size in (LEGEND, SMALL)}


@app.callback()
def _label() -> None:
    """Labels of terminals that passed their acceptance test."""


def _fail(code: int, chinese: str, english: str) -> NoReturn:
    print(f"失败：{chinese} / failed: {english}", file=sys.stderr)
    raise typer.Exit(code)


def _public_key(bench: Path) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((bench / "bench.key").read_text().strip()))
    return key.public_key().public_bytes_raw()


def _settings(bench: Path) -> dict[str, Any]:
    """The bench's own settings; a bench without any has none to print."""
    try:
        found = json.loads((bench / "bench.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("legends", {}), dict):
        raise TypeError("not settings")
    return found


def of_record(record: dict[str, Any], settings: dict[str, Any]) -> Label:
    """The label that a passed record entitles to; raises BadLabelError, or what import does for an unknown board."""
    board = importlib.import_module("firmware.board." + record["board"].replace("-", "_")).Board
    return Label(
        record["device"],
        legends([key for key, _pin in board.keys], settings.get("legends", {})),
        trial=record["image"]["kind"] != "home",
        passed_at=signed_at(record),
        serial=record["serial"],
        hotline=str(settings.get("hotline", "")),
    )


def _record(bench: Path, device_id: str) -> dict[str, Any]:
    """The device's passed record on this bench; exits where there is none."""
    try:
        key = _public_key(bench)
        records = passed.lines((bench / "records.jsonl").read_text(encoding="utf-8"))
        return passed.last_pass(records, key, device_id)
    except passed.DamagedError as error:
        _fail(DAMAGED, error.chinese, error.english)
    except passed.NotPassedError as error:
        _fail(NOT_PASSED, error.chinese, error.english)
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        _fail(NO_BENCH, f"工位文件夹里没有 {name}：{bench}", f"the bench's folder {bench} holds no {name}")
    except (OSError, ValueError, TypeError):
        _fail(NO_BENCH, f"工位文件夹读不出来：{bench}", f"the bench's folder {bench} cannot be read")


@app.command()
def reprint(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The id on the old label.")],
    bench: Annotated[
        Path, typer.Option(envvar="OKC_BENCH", help="The bench's folder.", show_default="~/.onekey-bench")
    ] = Path("~/.onekey-bench"),
    size: Annotated[str, typer.Option(help="legend (100 x 70 mm) or small (50 x 30 mm).")] = LEGEND.name,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; the bench's labels/ if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Draw a passed terminal's label again."""
    if size not in SIZES:
        _fail(2, "标签尺寸只有 legend 和 small", "a label is legend or small")
    folder = bench.expanduser()
    record = _record(folder, device)
    try:
        label = of_record(record, _settings(folder))
        pdf, png = make(label, out or folder / "labels", SIZES[size])
    except BadLabelError as error:
        _fail(BAD_LABEL, error.chinese, error.english)
    except (ImportError, AttributeError):
        _fail(BAD_LABEL, f"没有这种板子：{record['board']}", f"no such board: {record['board']}")
    except (ValueError, TypeError):
        _fail(NO_BENCH, "bench.json 读不出来", "bench.json cannot be read")
    except (OSError, NoFontError) as error:
        _fail(NOT_WRITTEN, f"标签没有写成：{error}", "the label was not written")
    if as_json:
        print(json.dumps({"device": device, "trial": label.trial, "pdf": str(pdf), "png": str(png)}))
    else:
        print(f"标签已生成 / label made: {pdf}")
