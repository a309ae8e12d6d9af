"""`onekey label reprint DEVICE`: the label of a terminal that passed its test on this bench, once more.

In: a device id and the bench's folder. Out: the same PDF and PNG as after the test. Without a signed, passed record as
the last word on that device there is no label, and no option changes that.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.stock.record import signed_at
from tools.board import bench as folders
from tools.board.texts import BenchError, usage
from tools.label import LEGEND, SMALL, BadLabelError, Label, legends, make, passed
from tools.label.errors import LabelError
from tools.paper.fonts import NoFontError

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(no_args_is_help=True, add_completion=False)

SIZES = {size.name: size for size in (LEGEND, SMALL)}


@app.callback()
def _label() -> None:
    """Labels of terminals that passed their acceptance test."""


def _public_key(bench: Path) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((bench / "bench.key").read_text().strip()))
    return key.public_key().public_bytes_raw()


def _settings(bench: Path) -> dict[str, Any]:
    """The bench's own settings; a bench without any has none to print."""
    with _readable(bench, "bench.json"):
        try:
            found = json.loads((bench / "bench.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if not isinstance(found, dict) or not isinstance(found.get("legends", {}), dict):
            raise TypeError("not settings")
    return found


@contextmanager
def _readable(bench: Path, name: str) -> Iterator[None]:
    """Reading a file of the bench's folder."""
    try:
        yield
    except (OSError, ValueError, TypeError):
        raise LabelError("no_bench", name=name, folder=bench) from None


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
    """The device's passed record on this bench. Raises LabelError where there is none."""
    with _readable(bench, "bench.key"):
        key = _public_key(bench)
    with _readable(bench, "records.jsonl"):
        records = passed.lines((bench / "records.jsonl").read_text(encoding="utf-8"))
    try:
        return passed.last_pass(records, key, device_id)
    except passed.DamagedError as error:
        raise LabelError("bad_records", chinese=error.chinese, english=error.english) from None
    except passed.NotPassedError as error:
        raise LabelError("no_pass", chinese=error.chinese, english=error.english) from None


@app.command()
def reprint(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The id on the old label.")],
    bench: Annotated[
        Path | None, typer.Option(help="The bench's folder; else OKC_BENCH, else ~/.onekey-bench.")
    ] = None,
    size: Annotated[str, typer.Option(help="legend (100 x 70 mm) or small (50 x 30 mm).")] = LEGEND.name,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; the bench's labels/ if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Draw a passed terminal's label again."""
    try:
        label, pdf, png = _again(folders.find(bench), device, size, out)
    except BenchError as error:
        print(error.line, file=sys.stderr)
        raise typer.Exit(error.code) from None
    if as_json:
        print(json.dumps({"device": device, "trial": label.trial, "pdf": str(pdf), "png": str(png)}))
    else:
        print(f"标签已生成 / label made: {pdf}")


def _again(bench: folders.Bench, device: str, size: str, out: Path | None) -> tuple[Label, Path, Path]:
    """The label and its files. Raises BenchError."""
    if size not in SIZES:
        raise usage("标签尺寸只有 legend 和 small", "a label is legend or small")
    record = _record(bench.folder, device)
    settings = _settings(bench.folder)
    try:
        label = of_record(record, settings)
        return label, *make(label, out or bench.labels, SIZES[size])
    except BadLabelError as error:
        raise LabelError("bad_label", chinese=error.chinese, english=error.english) from None
    except (ImportError, AttributeError):
        board = record["board"]
        raise LabelError("bad_label", chinese=f"没有这种板子：{board}", english=f"no such board: {board}") from None
    except (ValueError, TypeError):
        raise LabelError("no_bench", name="bench.json", folder=bench.folder) from None
    except (OSError, NoFontError) as error:
        raise LabelError("no_label_file", why=error) from None
