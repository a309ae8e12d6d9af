"""kill -9 of ingest at the two places where a message can be lost or doubled: before the commit, before the ack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud import clock
from tests.flow.parts import client, press, scalar, stored_presses, until, up, without_send_time
from tests.flow.proxy import proxy_to

if TYPE_CHECKING:
    from tests.flow.conftest import Walk

HOLD = 4711
_HOLD_COMMITS = f"""
create function hold_commit() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock_shared({HOLD}); return null; end $$;
create constraint trigger hold_commit after insert on message deferrable initially deferred
    for each row execute function hold_commit();
"""
_HELD = f"select pid from pg_locks where locktype = 'advisory' and objid = {HOLD} and not granted"


async def same_as(walk: Walk, sent: dict[str, dict[str, Any]]) -> bool:
    stored = await stored_presses(walk.database)
    return {id_: content for _, id_, content in stored} == {
        id_: {name: value for name, value in content.items() if value is not None} for id_, content in sent.items()
    }


async def assert_stored_once(walk: Walk, sent: dict[str, dict[str, Any]]) -> None:
    """Stored is what was sent, by id and content; nothing twice, in no table."""
    stored = await stored_presses(walk.database)
    assert sorted(id_ for _, id_, _ in stored) == sorted(sent)
    for _, id_, content in stored:
        assert without_send_time(content) == without_send_time(sent[id_])
    assert await scalar(walk.database, "select sum(presses) from device_day") == len(sent)
    assert await scalar(walk.database, "select count(*) from case_fact where kind = 'press'") == len(sent)


@pytest.mark.parametrize("fate", ["the database rolls back", "the database commits all the same"])
async def test_ingest_killed_just_before_the_commit_loses_and_doubles_nothing(walk: Walk, fate: str) -> None:
    """A dead client's transaction may still go either way; both must come out right."""
    async with await psycopg.AsyncConnection.connect(walk.database, autocommit=True) as holder:
        await holder.execute(_HOLD_COMMITS.encode())
        await holder.execute(f"select pg_advisory_lock({HOLD})".encode())
        ingest = walk.service("ingest")
        await ingest.start()
        sent: dict[str, dict[str, Any]] = {}
        async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
            for number in range(1, 6):
                payload = press(f"0badcafe.1.{number}", clock.now(), sent)
                await terminal.publish(up("press", walk.device_id), payload, qos=1)
        await until(lambda: scalar(walk.database, _HELD), "the commit is held")
        ingest.kill()
        assert await stored_presses(walk.database) == []
        if fate == "the database rolls back":
            await holder.execute(f"select pg_terminate_backend(pid) from ({_HELD}) as held".encode())
        await holder.execute(f"select pg_advisory_unlock({HOLD})".encode())
        await ingest.start()
        await until(lambda: same_as(walk, sent), "all are stored")
    await assert_stored_once(walk, sent)
    duplicates = await scalar(walk.database, "select sum(duplicates) from device_state")
    assert duplicates == (0 if fate == "the database rolls back" else 1)


async def test_ingest_told_to_end_while_a_commit_hangs_ends_and_the_next_one_stores_the_press(walk: Walk) -> None:
    """It gives the transaction up; the broker, which heard nothing, hands the press over again."""
    async with await psycopg.AsyncConnection.connect(walk.database, autocommit=True) as holder:
        await holder.execute(_HOLD_COMMITS.encode())
        await holder.execute(f"select pg_advisory_lock({HOLD})".encode())
        ingest = walk.service("ingest")
        await ingest.start()
        sent: dict[str, dict[str, Any]] = {}
        async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
            await terminal.publish(up("press", walk.device_id), press("0badcafe.1.1", clock.now(), sent), qos=1)
        await until(lambda: scalar(walk.database, _HELD), "the commit is held")
        assert ingest.stop() == 0
        await holder.execute(f"select pg_advisory_unlock({HOLD})".encode())
        assert await stored_presses(walk.database) == []
        await ingest.start()
        await until(lambda: same_as(walk, sent), "it is stored")
    await assert_stored_once(walk, sent)
    assert await scalar(walk.database, "select sum(duplicates) from device_state") == 0


async def test_ingest_killed_between_commit_and_ack_is_sent_again_and_changes_nothing(walk: Walk) -> None:
    """The broker never heard that they are committed: it sends them again, and they are counted as duplicates."""
    async with proxy_to(walk.broker.port) as proxy:
        ingest = walk.service("ingest", port=proxy.port)
        await ingest.start()
        proxy.up.clear()
        sent: dict[str, dict[str, Any]] = {}
        async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
            for number in range(1, 6):
                payload = press(f"0badcafe.1.{number}", clock.now(), sent)
                await terminal.publish(up("press", walk.device_id), payload, qos=1)
        await until(lambda: same_as(walk, sent), "all are committed")

        async def acks_are_held() -> bool:
            return proxy.held_up > 0

        await until(acks_are_held, "an ack was sent and withheld")
        ingest.kill()
        again = walk.service("ingest")
        await again.start()

        async def all_came_again() -> bool:
            return bool(await scalar(walk.database, "select sum(duplicates) = 5 from device_state"))

        await until(all_came_again, "the broker sent them again")
    await assert_stored_once(walk, sent)
    receipts = await scalar(walk.database, "select count(*) from down where kind = 'receipt'")
    assert receipts == 10, "a duplicate is receipted again: the terminal may have missed the first receipt"


async def test_ingest_killed_again_and_again_in_a_stream_of_presses_loses_and_doubles_nothing(walk: Walk) -> None:
    """Wherever it happens to be each time."""
    sent: dict[str, dict[str, Any]] = {}
    ingest = walk.service("ingest")
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        for burst in range(4):
            await ingest.start()
            for number in range(burst * 30, burst * 30 + 30):
                payload = press(f"0badcafe.1.{number}", clock.now(), sent)
                await terminal.publish(up("press", walk.device_id), payload, qos=1)
            ingest.kill()
    await ingest.start()
    await until(lambda: same_as(walk, sent), "all are stored")
    await assert_stored_once(walk, sent)
