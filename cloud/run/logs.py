"""Lines of the log: one JSON object each. In: records of the standard library's logging. Out: lines on standard error.

Nothing personal: the text of an exception may quote a row, and what a library puts into its own text may hold anything
that went through it. So an error is its kind and place, and of a library's line only what stands in its source is told.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cloud.errors import described

if TYPE_CHECKING:
    import asyncio

_OURS = str(Path(__file__).parents[1])
# Hands over text that is put together already, and quotes arguments of our own functions in it.
_READY_MADE = "asyncio"

log = logging.getLogger(__name__)


class Lines(logging.Formatter):
    """One record as one line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """JSON without line breaks, whatever was in the record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "part": record.name,
            "text": _text(record),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = described(error)
        return json.dumps(line, ensure_ascii=False)


def begin(process: str, stream: TextIO) -> None:
    """From here on all that this process logs is such lines, also what breaks outside every `try`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(process))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    logging.raiseExceptions = False  # else a line that cannot be made or written is told with its arguments
    threading.excepthook = lambda broken: _broken("a thread", broken.exc_value)
    sys.unraisablehook = lambda broken: _broken("a clean-up", broken.exc_value)


def of_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What an event loop does with an error that nobody waits for. Its own line would quote the error."""
    _broken("a task or callback", context.get("exception"))


def _broken(what: str, error: BaseException | None) -> None:
    log.error("%s broke: %s", what, "no error told" if error is None else described(error))


def _text(record: logging.LogRecord) -> str:
    if record.pathname.startswith(_OURS):
        return record.getMessage()
    where = f"{Path(record.pathname).name}:{record.lineno}"
    if record.name == _READY_MADE or not isinstance(record.msg, str):
        return where
    # Without its arguments; and what has further lines is a trace.
    return f"{where} {record.msg.strip().partition(chr(10))[0]}"
