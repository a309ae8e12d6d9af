"""Looks at the database from outside: what was committed and when, as any other client of PostgreSQL would see it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

from tools.story.lines import SilenceError
from tools.story.system import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.05
_LISTEN_S = 0.2  # how often the thread looks whether it should end


class Watch:
    """Notes the wall time at which each message of the terminal became visible after its commit."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._seen: dict[str, float] = {}
        self._ending = threading.Event()
        self._conn = psycopg.connect(dsn, autocommit=True)
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and the connections."""
        self._ending.set()
        self._thread.join()
        self._conn.close()

    def committed(self, message_id: str, wait_s: float) -> float:
        """Wall time at which a message was first visible. Raises SilenceError."""
        self.until_true(lambda: message_id in self._seen, wait_s, f"message {message_id} in the database")
        return self._seen[message_id]

    def message_ids(self) -> set[str]:
        """Ids of every receipted message of the terminal that is stored."""
        return {row[0] for row in self._conn.execute("select id from message where device_id = %s", (DEVICE,))}

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query (a literal of this package)."""
        return self._conn.execute(query.encode(), values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._conn.execute(query.encode(), values).fetchone()
        return None if row is None else row[0]

    def until(self, query: str, values: tuple[Any, ...], wait_s: float, what: str) -> None:
        """Wait until a query gives a row. Raises SilenceError."""
        self.until_true(lambda: bool(self.rows(query, *values)), wait_s, what)

    def until_true(self, happened: Callable[[], bool], wait_s: float, what: str) -> None:
        """Wait until a condition holds. Raises SilenceError."""
        deadline = time.monotonic() + wait_s
        while not happened():
            if time.monotonic() > deadline:
                raise SilenceError(f"database: {what}: not within {wait_s:.0f} s")
            time.sleep(_POLL_S)

    def _listen(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as conn, psycopg.connect(self._dsn, autocommit=True) as look:
            conn.execute("listen live")
            while not self._ending.is_set():
                # A notification comes at the commit; the pause bounds what a missed one costs.
                for _ in conn.notifies(timeout=_LISTEN_S, stop_after=1):
                    pass
                at = time.time()
                for (message_id,) in look.execute("select id from message where device_id = %s", (DEVICE,)):
                    self._seen.setdefault(message_id, at)
