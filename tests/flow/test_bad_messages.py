"""What no message may do to the real front door: stop it, or vanish."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import aiomqtt
import psycopg

from cloud import clock
from protocol.codes import UP_KINDS
from tests.flow.parts import beat, client, press, scalar, stored_presses, until, up

if TYPE_CHECKING:
    from tests.flow.conftest import Walk

# The database refuses some presses, as a constraint that nobody thought of would; and our own code breaks on others.
_POISON = """
create function poison() returns trigger language plpgsql as $$
begin
    if new.body->>'key' = 'k8' then raise exception using errcode = 'check_violation'; end if;
    if new.body->>'key' = 'k9' then raise exception using errcode = 'undefined_table'; end if;
    return new;
end $$;
create trigger poison before insert on message for each row execute function poison();
"""

# As PostgreSQL does by itself: it quotes the row that it refuses.
_NAMING = """
create function naming() returns trigger language plpgsql as $$
begin
    if to_jsonb(new)#>>'{body,key}' = 'k9' then
        raise exception 'no 13800000077' using errcode = 'undefined_table', detail = 'row of 王小明';
    elsif tg_table_name <> 'message' or to_jsonb(new)#>>'{body,key}' = 'k8' then
        raise exception 'no 13800000077' using
            errcode = 'check_violation', detail = 'Failing row contains (王小明)', hint = 'XiaomingWang';
    end if;
    return new;
end $$;
create trigger naming before insert on message for each row execute function naming();
create trigger naming before insert on heartbeat for each row execute function naming();
"""


async def test_rubbish_on_every_topic_is_quarantined_and_the_presses_between_are_stored(walk: Walk) -> None:
    """Through the real broker: random bytes, oversized and unknown messages, unknown kinds."""
    ingest = walk.service("ingest")
    await ingest.start()
    dice = random.Random(20260331)
    sent: dict[str, dict[str, Any]] = {}
    bad = 0
    kinds = [*UP_KINDS, "unknown"]
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        for number in range(1, 41):
            kind = kinds[number % len(kinds)]
            rubbish = dice.randbytes(dice.choice([0, 1, 100, 436, 437, 5_000, 70_000]))
            await terminal.publish(f"okc/v1/up/{kind}/{walk.device_id}", rubbish, qos=1)
            bad += 1
            payload = press(f"0badcafe.1.{number}", clock.now(), sent)
            await terminal.publish(up("press", walk.device_id), payload, qos=1)

    async def all_stored() -> bool:
        return len(await stored_presses(walk.database)) == len(sent)

    async def all_quarantined() -> bool:
        return bool(await scalar(walk.database, "select sum(times) from quarantine") == bad)

    await until(all_stored, "every press is stored")
    await until(all_quarantined, "all rubbish is kept, of both lanes")
    assert await scalar(walk.database, "select count(*) from quarantine where reason is null") == 0
    assert ingest.stop() == 0


async def test_a_poison_message_is_quarantined_and_the_next_press_is_taken(walk: Walk) -> None:
    """Refused by the database: receipted. Broken by us: not, so that the terminal keeps it."""
    async with await psycopg.AsyncConnection.connect(walk.database, autocommit=True) as conn:
        await conn.execute(_POISON.encode())
    ingest = walk.service("ingest")
    await ingest.start()
    sent: dict[str, dict[str, Any]] = {}
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        for number, key in enumerate(["k8", "k9", "sos"], start=1):
            payload = press(f"0badcafe.1.{number}", clock.now(), sent, key=key)
            await terminal.publish(up("press", walk.device_id), payload, qos=1)

    async def the_last_is_stored() -> bool:
        return [id_ for _, id_, _ in await stored_presses(walk.database)] == ["0badcafe.1.3"]

    await until(the_last_is_stored, "the press after the poison is stored")
    async with await psycopg.AsyncConnection.connect(walk.database) as conn:
        rows = await (await conn.execute("select message_id, reason from quarantine order by 1")).fetchall()
        receipts = await (await conn.execute("select of_id from down where kind = 'receipt' order by 1")).fetchall()
    assert rows == [("0badcafe.1.1", "refused"), ("0badcafe.1.2", "internal")]
    assert receipts == [("0badcafe.1.1",), ("0badcafe.1.3",)]


async def test_no_log_names_a_person(walk: Walk) -> None:
    """Whatever a terminal says and whatever breaks on it: the database's own errors quote the row that they refuse."""
    names = ["13800000077", "王小明", "XiaomingWang"]
    async with await psycopg.AsyncConnection.connect(walk.database, autocommit=True) as conn:
        await conn.execute(_NAMING.encode())
    ingest = walk.service("ingest")
    await ingest.start()
    sent: dict[str, dict[str, Any]] = {}
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        for name in names:
            for kind in (*UP_KINDS, "unknown"):
                rubbish = f'{{"v":1,"id":"0badcafe.1.1","t":null,"who":"{name}","num":"{name}"}}'.encode()
                await terminal.publish(up(kind, walk.device_id) if kind in UP_KINDS else f"okc/v1/up/x/{name}", rubbish)
        await terminal.publish(up("hb", walk.device_id), beat("0badcafe.1.5", clock.now()), qos=1)
        for number, key in enumerate(["k8", "k9", "sos"], start=2):
            payload = press(f"0badcafe.1.{number}", clock.now(), sent, key=key)
            await terminal.publish(up("press", walk.device_id), payload, qos=1)

    async def all_is_done() -> bool:
        refused = "select count(*) from quarantine where reason in ('refused', 'internal')"
        stored = "select count(*) from message where id = '0badcafe.1.4'"
        return bool(await scalar(walk.database, refused) == 3 and await scalar(walk.database, stored) == 1)

    await until(all_is_done, "the press after it all is stored, and what was refused is kept")
    assert ingest.stop() == 0
    log = ingest.log()
    assert not [name for name in names if name in log]
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["process"] for line in lines} == {"ingest"}
    assert {"message not committed", "batch not committed"} <= {line["text"].split(":")[0] for line in lines}
    async with await psycopg.AsyncConnection.connect(walk.database) as conn:
        rows = await (
            await conn.execute("select topic, reason, field, device_id, message_id from quarantine")
        ).fetchall()
        told = await (await conn.execute("select * from service_health")).fetchall()
    said = f"{[row[1:] for row in rows]} {told}"  # a topic is the sender's own; the list never shows it
    assert not [name for name in names if name in said]


async def test_a_retained_state_is_heard_at_every_start_and_changes_nothing(walk: Walk) -> None:
    """The broker hands it over at each subscribe."""
    state = b'{"v":1,"id":"0badcafe.1.1","t":null,"u":5,"s":5,"st":"online"}'
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        ingest = walk.service("ingest")
        await ingest.start()
        await terminal.publish(up("state", walk.device_id), state, qos=1, retain=True)

        async def linked() -> bool:
            return bool(await scalar(walk.database, "select link = 'online' from device_state"))

        await until(linked, "the link is known")
        before = await scalar(walk.database, "select device_state::text from device_state")
        assert ingest.stop() == 0
        again = walk.service("ingest")
        await again.start()

        async def heard_again() -> bool:
            query = "select (counters->>'link')::int >= 2 from service_health where process = 'ingest'"
            return bool(await scalar(walk.database, query))

        await until(heard_again, "it was handed over again")
    assert await scalar(walk.database, "select device_state::text from device_state") == before


async def test_a_dead_broker_loses_no_press_that_its_terminal_still_holds(walk: Walk) -> None:
    """The broker's memory is gone; a terminal resends what is not receipted, and nothing is stored twice."""
    services = [walk.service(name) for name in ("ingest", "send")]
    for service in services:
        await service.start()
    sent: dict[str, dict[str, Any]] = {}
    payloads = [press(f"0badcafe.1.{number}", clock.now(), sent) for number in range(1, 21)]
    await _publish(walk, payloads)
    walk.broker.kill()
    walk.broker.start()

    async def resent_until_receipted() -> bool:
        await _publish(walk, payloads)
        query = "select count(distinct of_id) from down where kind = 'receipt' and sent_at is not null"
        return bool(await scalar(walk.database, query) == len(sent))

    await until(resent_until_receipted, "every press is receipted")
    stored = await stored_presses(walk.database)
    assert sorted(id_ for _, id_, _ in stored) == sorted(sent)
    assert await scalar(walk.database, "select sum(presses) from device_day") == len(sent)


async def _publish(walk: Walk, payloads: list[bytes]) -> None:
    try:
        async with client(walk.device_id, walk.password, walk.broker.port, timeout=2) as terminal:
            for payload in payloads:
                await terminal.publish(up("press", walk.device_id), payload, qos=1)
    except aiomqtt.MqttError:
        pass  # the terminal will try again
