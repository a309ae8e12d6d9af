"""Looks at the database from outside: what was committed and when, as any other client of PostgreSQL would see it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

from cloud import db
from cloud.calls import rules
from cloud.calls import store as cases
from tools.story.lines import SilenceError
from tools.story.system import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.sealed import Box

_POLL_S = 0.05
_LISTEN_S = 0.2  # how often the thread looks whether it should end


class Watch:
    """Notes the wall time at which each message of the terminal became visible after its commit."""

    def __init__(self, dsn: str, box: Box) -> None:
        self._dsn = dsn
        self._box = box
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

    def call(self, ref: str, dialled: list[str]) -> dict[str, Any]:
        """The case of a press: who was to be called, who was dialled (from the modem), and what became of it."""
        return asyncio.run(self._call(ref, dialled))

    async def _call(self, ref: str, dialled: list[str]) -> dict[str, Any]:
        async with await db.connect(self._dsn) as conn:
            case_id = await cases.of_ref(conn, DEVICE, ref)
            if case_id is None:
                raise SilenceError("database: the press has no case")
            case = await cases.case(conn, case_id)
            facts = [fact for fact in await cases.facts(conn, case_id) if fact.ref in (ref, None)]
            routes = await cases.routes_of(conn, self._box, [case_id])
        talked = [fact.body["dur"] for fact in facts if fact.body.get("step") == "end"]
        return {
            "id": str(case_id),
            "key": case.key if case else None,
            "route": [{"label": rung.label, "number": rung.number} for rung in routes.get(case_id, [])],
            "dialled": dialled,
            "states": [state for _at, state in rules.history(facts)],
            "duration_s": sum(talked),
        }

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
