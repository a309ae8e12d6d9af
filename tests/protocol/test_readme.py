"""What the page says in prose and the code says in tables is the same."""

from __future__ import annotations

import re
from pathlib import Path

import protocol
from firmware.core import limits
from protocol import errors, fields
from protocol.checks import CHECKS
from protocol.jsontext import DEPTH_MAX

PAGE = (Path(protocol.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_the_page_names_every_time_that_a_configuration_may_tune() -> None:
    """Whoever writes a configuration reads the page, not the firmware."""
    listed = PAGE.split("Names of version 1:")[1].split("\n\n")[0].split("\n- ")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(limits.TABLE)


def test_the_page_explains_every_type() -> None:
    """Each type of the tables has its line."""
    lines = {name for row in re.findall(r"^\| ([a-z, ]+) \| ", PAGE, re.MULTILINE) for name in row.split(", ")}
    assert lines >= (set(CHECKS) - {"int"}) | {"integer", "code", "number"}


def test_the_limits_in_prose_are_those_of_the_code() -> None:
    """Numbers that a stranger would copy."""
    assert f"**{fields.UP_PUBLISH_BYTES_MAX} bytes**" in PAGE
    assert f"**{fields.PAYLOAD_BYTES_MAX['up']} bytes**" in PAGE
    assert f"**{fields.PAYLOAD_BYTES_MAX['down']:,} bytes**" in PAGE
    assert f"at most {DEPTH_MAX} levels deep" in PAGE
    assert f"up to {fields.RECEIPT_IDS_MAX} ids" in PAGE
    assert f"text of 1 … {fields.LABEL_CHARS_MAX}, number, integer {fields.RING_S_MIN} … {fields.RING_S_MAX}" in PAGE
    assert f"{fields.NUMBER_CHARS_MIN} … {fields.NUMBER_CHARS_MAX} characters" in PAGE
    assert f"1 … {fields.LADDER_RUNGS_MAX} rungs" in PAGE
    assert f"a text at most {fields.ARG_CHARS_MAX} characters" in PAGE


def test_every_reason_is_explained() -> None:
    """Support looks here when quarantine fills."""
    for reason in errors.REASONS:
        assert re.search(rf"^\| `{reason}` \| \S", PAGE, re.MULTILINE), reason
