"""A script, an office on the phone and the page on the wall can tell failures apart: one code, one meaning."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tools.board import texts
from tools.guide import words

# Everything that a technician or a storekeeper runs.
ROOMS = (
    "board",
    "provision",
    "accept",
    "label",
    "guide",
    "install",
    "flash",
    "stock",
    "sim",
    "device",
    "image",
    "registry",
)
# Facts that are words themselves.
TRANSLATED = {"{chinese}": "{english}", "{why_cn}": "{why}", "{wanted_cn}": "{wanted}", "{parts_cn}": "{parts}"}
RUNS_ON_A_BOARD = "tools.accept.on_board"
# Whatever the command, 2 says that nothing was begun, or all of it was taken back; the line says why.
REFUSED = {"usage", "setup", "REFUSED", "REFUSED_EXIT"}
SHELL_FROM = 125  # from here on shells have meanings of their own
SHELL_OWN = {texts.INTERRUPTED}


def modules() -> list[ModuleType]:
    """Every module of these rooms."""
    names = [f"tools.{room}" for room in ROOMS]
    for name in list(names):
        parts = pkgutil.iter_modules(getattr(importlib.import_module(name), "__path__", []))
        names.extend(f"{name}.{part.name}" for part in parts)
    return [importlib.import_module(name) for name in names if name != RUNS_ON_A_BOARD]


MODULES = modules()


def tables() -> dict[str, dict[str, tuple[int, str, str]]]:
    """Every table of failures, by the module that holds it."""
    found: dict[int, tuple[str, dict[str, tuple[int, str, str]]]] = {}
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, dict) and value and all(map(is_row, value.values())):
                found.setdefault(id(value), (module.__name__, value))
    return dict(found.values())


def is_row(value: Any) -> bool:
    """Exit code, Chinese, English."""
    return isinstance(value, tuple) and [type(each) for each in value] == [int, str, str]


TABLES = tables()
AT_THE_BENCH = {"board", "provision", "accept"}
# What ./flash.sh, provisioning and the test say: the page on the wall is about these.
BENCH = {
    name: row for module, table in TABLES.items() if module.split(".")[1] in AT_THE_BENCH for name, row in table.items()
}


def exits(module: ModuleType) -> list[ast.expr]:
    """What the module's commands end with."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    return [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Exit" and node.args
    ]


def named_codes() -> list[tuple[str, int]]:
    """(name, code) of every failure of every table, and of every constant that a command ends with."""
    found = [(name, row[0]) for table in TABLES.values() for name, row in table.items()]
    constants = {}
    for module in MODULES:
        for given in exits(module):
            for node in ast.walk(given):
                if isinstance(node, ast.Name) and node.id.isupper():
                    constants[node.id] = getattr(module, node.id)
                elif isinstance(node, ast.Attribute) and node.attr.isupper():
                    constants[node.attr] = getattr(texts, node.attr)
    return found + list(constants.items())


def test_every_room_is_looked_at() -> None:
    """A table that nobody finds would be compared with nothing."""
    rooms = {name.split(".")[1] for name in TABLES}
    assert rooms == {"board", "provision", "accept", "label", "guide", "install"}
    assert {"SOME_FAILED", "INTERRUPTED", "SOME_REFUSED", "BAD_ROWS_EXIT", "REFUSED"} <= {n for n, _ in named_codes()}


def test_two_failures_never_share_an_exit_code() -> None:
    """In any two commands: 2 alone is common, and means the same everywhere."""
    names: dict[int, set[str]] = {}
    rows: dict[int, int] = {}
    for name, code in named_codes():
        names.setdefault(code, set()).add(name)
        rows[code] = rows.get(code, 0) + 1
    assert names.pop(texts.USAGE) == REFUSED
    assert [(code, sorted(names[code])) for code in names if len(names[code]) > 1 or rows[code] > 1] == []


def test_no_code_is_anybody_elses() -> None:
    """0 is success, 1 a program that broke, and shells and signals begin at 125."""
    codes = {code for _, code in named_codes()}
    assert [code for code in codes - SHELL_OWN if not 1 < code < SHELL_FROM] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_command_ends_with_a_named_code(module: ModuleType) -> None:
    """A bare number would be in no table."""
    for given in exits(module):
        bare = [node.value for node in ast.walk(given) if isinstance(node, ast.Constant) and node.value != 0]
        assert bare == [], f"typer.Exit({ast.unparse(given)})"


def test_one_run_has_one_failure_of_each_name() -> None:
    """--json tells a failure by its name."""
    assert len(BENCH) == sum(len(table) for module, table in TABLES.items() if module.split(".")[1] in AT_THE_BENCH)


def test_every_line_says_something_in_both_languages() -> None:
    """With the same facts in both."""
    for table in TABLES.values():
        for name, (_, chinese, english) in table.items():
            facts = set(re.findall(r"{\w+}", english))
            assert {TRANSLATED.get(fact, fact) for fact in re.findall(r"{\w+}", chinese)} == facts, name
            assert "{chinese}" in chinese or re.search("[\u4e00-\u9fff]", chinese), name
            assert not re.search("[\u4e00-\u9fff]", english), name


def says(fragment: str, line: str) -> bool:
    """As somebody with the line before them reads the page: `…` stands for whatever follows the line's first word."""
    return line.startswith(fragment[:-1]) if fragment.endswith("…") else fragment in line


@pytest.mark.parametrize("row", [row for row in words.FAILURES if row.failures], ids=lambda row: row.says)
def test_a_row_of_the_page_is_found_by_each_of_its_failures_and_by_no_other(row: words.Failure) -> None:
    """A code that went, or a line that was reworded, sends a technician to the wrong row."""
    assert set(row.failures) <= set(BENCH)
    fragments = [re.sub(r"\s", "", part) for part in row.says.split("、")]
    lines = {name: re.sub(r"\s", "", chinese) for name, (_, chinese, _) in BENCH.items()}
    leads = {name for name, line in lines.items() if any(says(part, line) for part in fragments)}
    assert leads == set(row.failures)
    assert [part for part in fragments if not any(says(part, lines[name]) for name in row.failures)] == []


def test_no_failure_has_two_rows() -> None:
    """They would say two things to do."""
    named = [name for row in words.FAILURES for name in row.failures]
    assert len(set(named)) == len(named)
