"""How a process ends that breaks on a mistake of ours."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from cloud.run.process import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.settings import Settings


async def breaks(_settings: Settings, _ready: Callable[[], None]) -> None:
    raise ValueError("13800000001")


def test_a_process_that_breaks_ends_without_quoting_the_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A trace would show the error's text, and that may quote a row. Whoever watches starts it again."""
    for place, hook in ((sys, "unraisablehook"), (threading, "excepthook"), (logging, "raiseExceptions")):
        monkeypatch.setattr(place, hook, getattr(place, hook))  # put back afterwards
    monkeypatch.setenv("OKC_DATABASE_URL", "unused")
    monkeypatch.setenv("OKC_DATA_KEY", "6b" * 32)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500001")
    with caplog.at_level(logging.INFO), pytest.raises(SystemExit) as ended:
        run(breaks)
    told = capfd.readouterr()
    assert ended.value.code == 1
    assert "ValueError" in caplog.text
    assert "13800000001" not in caplog.text + told.out + told.err
