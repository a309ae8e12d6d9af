"""Ledger files: what is accepted, and that anything else is refused with its line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.billing.ledger import LINE_BYTES_MAX, PROBLEMS_MAX, read_ledger
from cloud.billing.models import Contract, Problem, RefusedError

CONTRACT = Contract("T-1", date(2025, 7, 24), date(2026, 7, 23), 3990, 199_500_000, 99_750_000)
HEAD = b"device_id,day,status\n"
HEAD_HOME = b"device_id,day,status,home\n"
ROW = b"OKC00001,2025-07-24,normal\n"


def _problems(raw: bytes) -> list[Problem]:
    with pytest.raises(RefusedError) as refused:
        read_ledger([raw], CONTRACT)
    return refused.value.problems


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + ROW,
        HEAD + ROW[:-1],
        b"\xef\xbb\xbf" + HEAD + ROW,
        (HEAD + ROW).replace(b"\n", b"\r\n"),
        b'"device_id","day","status"\n"OKC00001","2025-07-24","normal"\n',
        HEAD + b"OKC00001\t,2025-07-24,normal\n",
        HEAD_HOME + b"OKC00001,2025-07-24,normal,H1\n",
        HEAD_HOME + b'OKC00001,2025-07-24,normal,"a ""b"", c"\r\n',
        HEAD_HOME + b"OKC00001,2025-07-24,normal,\n",
    ],
)
def test_the_usual_ways_of_saving_a_csv_are_read_alike(raw: bytes) -> None:
    """BOM, CRLF, quotes, a missing last line end, a text mark after the id."""
    assert read_ledger([raw], CONTRACT) == {"OKC00001": 1}


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (ROW.strip(), "重复(第 2 行"),
        (b"OKC00001,2025-07-24,disputed", "重复(第 2 行"),
        (b"OKC00001\t,2025-07-24,normal", "重复(第 2 行"),
        (b"OKC00001,2025-07-23,normal", "不在合同期内"),
        (b"OKC00001,2026-07-24,normal", "不在合同期内"),
        (b"OKC00001,2026-02-30,normal", "不存在的日期"),
        (b"OKC00001,2026-2-3,normal", "YYYY-MM-DD"),
        (b"OKC00001,20260203,normal", "YYYY-MM-DD"),
        ("OKC00001,２０２６-02-03,normal".encode(), "YYYY-MM-DD"),
        (b"OKC00001,2025-07-25,Normal", "状态"),
        (b"OKC00001,2025-07-25, normal", "状态"),
        (b"OKC00001,2025-07-25,", "状态"),
        (b"OKC 0001,2025-07-25,normal", "设备编号"),
        (b"-OKC0001,2025-07-25,normal", "设备编号"),
        (b"X" * 65 + b",2025-07-25,normal", "设备编号"),
        (b"=OKC00001,2025-07-25,normal", "设备编号"),
        (b",2025-07-25,normal", "设备编号"),
        (b"OKC00001,2025-07-25", "列"),
        (b"OKC00001,2025-07-25,normal,", "列"),
        (b"", "空行"),
        (b"\r", "空行"),
        (b'"OKC00001,2025-07-25,normal', "引号"),
        (b'OKC"00001,2025-07-25,normal', "引号"),
        (b'"OKC00001"x,2025-07-25,normal', "引号"),
        (b"OKC00001,2025-07-25,norm\xe4l", "UTF-8"),
        (b"OKC00001,2025-07-25,nor\x00mal", "状态"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(row: bytes, word: str) -> None:
    """Each rule names its line, and the rows around it are judged too."""
    problems = _problems(HEAD + ROW + row + b"\n" + b"OKC00002,2025-07-24,normal\n")
    assert [problem.line for problem in problems] == [3]
    assert word in problems[0].reason


@pytest.mark.parametrize(
    "head", [b"", b"\n", ROW, b"day,device_id,status\n", "设备,日期,状态\n".encode("gbk"), b"\xff\xfe"]
)
def test_a_file_without_the_header_is_refused_on_line_one(head: bytes) -> None:
    """An empty file, another order, another encoding."""
    assert [problem.line for problem in _problems(head)] == [1]


def test_a_household_is_paid_for_one_terminal_a_day() -> None:
    """A swap counts once; two terminals of a home on different days, or one not normal, are well."""
    swap = HEAD_HOME + b"OKC00001,2025-07-24,normal,H1\nOKC00002,2025-07-25,normal,H1\nOKC00002,2025-07-24,paused,H1\n"
    assert read_ledger([swap], CONTRACT) == {"OKC00001": 1, "OKC00002": 1}
    problems = _problems(swap + b"OKC00003,2025-07-24,normal,H1\n")
    assert [problem.line for problem in problems] == [5]
    assert "第 2 行" in problems[0].reason


def test_a_home_is_the_same_home_however_a_spreadsheet_spells_it() -> None:
    """A text mark is no part of its id; a space that nobody sees would pay a swap twice, so it is refused."""
    marked = _problems(HEAD_HOME + b"OKC00001,2025-07-24,normal,H1\nOKC00002,2025-07-24,normal,H1\t\n")
    assert [problem.line for problem in marked] == [3]
    spaces = _problems(HEAD_HOME + b"OKC00001,2025-07-24,normal,H1 \nOKC00002,2025-07-24,normal, \n")
    assert [problem.line for problem in spaces] == [2, 3]


def test_all_problems_are_listed_up_to_a_bound() -> None:
    """A person mends them in one go; a file of another kind does not fill the screen."""
    two = _problems(HEAD + b"=bad,2025-07-24,normal\n" + ROW + b"OKC00002,2024-07-24,normal\n")
    assert [problem.line for problem in two] == [2, 4]
    with pytest.raises(RefusedError) as refused:
        read_ledger([HEAD + b"x\n" * 10_000], CONTRACT)
    assert len(refused.value.problems) == PROBLEMS_MAX
    assert refused.value.more


def test_a_file_without_line_ends_is_given_up_early() -> None:
    """Memory stays bounded: reading stops after the chunk that shows it."""
    read = []

    def endless() -> Iterator[bytes]:
        yield HEAD
        for number in range(1000):
            read.append(number)
            yield b"x" * LINE_BYTES_MAX

    with pytest.raises(RefusedError):
        read_ledger(endless(), CONTRACT)
    assert len(read) <= 2


@given(cut=st.integers(1, 60))
def test_the_size_of_the_chunks_changes_nothing(cut: int) -> None:
    """Rows, the BOM and a CRLF may be cut anywhere."""
    raw = b"\xef\xbb\xbf" + (HEAD + ROW + b"OKC00002,2025-07-25,normal\n").replace(b"\n", b"\r\n")
    chunks = [raw[start : start + cut] for start in range(0, len(raw), cut)]
    assert read_ledger(chunks, CONTRACT) == {"OKC00001": 1, "OKC00002": 1}


@given(raw=st.binary(max_size=200))
def test_random_bytes_are_refused_or_counted_and_never_crash(raw: bytes) -> None:
    """Whatever comes, the answer is a count or a list of problems with lines."""
    for head in (b"", HEAD, HEAD_HOME):
        problems = []
        try:
            read_ledger([head + raw], CONTRACT)
        except RefusedError as refused:
            problems = refused.problems
        assert all(problem.line >= 1 and problem.reason for problem in problems)


@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(["OKC00001", "OKC00002", '"OKC00001"', "=okc", "OKC00001\t"]),
            st.sampled_from(["2025-07-24", "2025-07-25", '"2025-07-24"', "2025-13-01"]),
            st.sampled_from(["normal", "paused", '"normal"', "x"]),
            st.sampled_from(["H1", '"H1"', "", "H2", '"H,1"']),
        ),
        max_size=8,
    )
)
def test_spelling_never_changes_what_a_row_means(cells: list[tuple[str, str, str, str]]) -> None:
    """Quoted and plain spellings of one row are the same row: against a plain model with sets."""
    raw = HEAD_HOME + "".join(",".join(row) + "\n" for row in cells).encode()
    seen: set[tuple[str, str]] = set()
    lived: set[tuple[str, str]] = set()
    wrong = set()
    for line, row in enumerate(cells, 2):
        device, day, status, home = (cell.strip('"\t') for cell in row)
        if device == "=okc" or day == "2025-13-01" or status == "x" or (device, day) in seen:
            wrong.add(line)
            continue
        seen.add((device, day))
        if status == "normal" and home and (home, day) in lived:
            wrong.add(line)
        elif status == "normal" and home:
            lived.add((home, day))
    try:
        read_ledger([raw], CONTRACT)
        found = set()
    except RefusedError as refused:
        found = {problem.line for problem in refused.problems}
    assert found == wrong
