"""What the processes show of themselves: real ones, asked over HTTP, with the broker and the database taken away."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
from prometheus_client.parser import text_string_to_metric_families

from cloud import clock
from cloud.db import migrate
from cloud.run.watch import COUNTS, GAUGES, SERIES
from tests.firmware.net.authority import HOST
from tests.fixtures.postgres import running
from tests.flow.parts import Service, add_terminal, beat, client, environment, press, scalar, until, up
from tools.embedded.ports import free_port

if TYPE_CHECKING:
    from tests.fixtures.broker import Mosquitto
    from tests.fixtures.hardened import Hardened
    from tests.flow.conftest import Walk

DEVICE, PASSWORD = "BJCY000009", "an invented password"
OWN_TOPICS = 20  # at least: the broker's own words are retained messages too
Figures = dict[tuple[str, str], float]


def address(service: Service) -> str:
    found = re.findall(r"metrics: (http://127\.0\.0\.1:\d+)/metrics", service.log())
    assert found, service.log()
    return str(found[-1])


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def figures(service: Service) -> Figures:
    """(name, part) → value; as Prometheus itself reads it."""
    status, text = ask(address(service) + "/metrics")
    assert status == 200
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, each.labels.get("part", "")): each.value for each in samples if "le" not in each.labels}


def health(service: Service) -> tuple[int, dict[str, Any]]:
    status, text = ask(address(service) + "/health")
    return status, json.loads(text)


async def test_ingest_counts_what_came_and_says_whether_it_is_healthy(walk: Walk) -> None:
    """Both lanes: a press and its repetition, a heartbeat, rubbish; then the broker goes and comes back."""
    ingest = walk.service("ingest")
    await ingest.start()
    now = clock.now()
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        payload = press("0badcafe.1.1", now, {})
        for topic, body in (
            (up("press", walk.device_id), payload),
            (up("press", walk.device_id), payload),
            (up("event", walk.device_id), b"rubbish"),
            (up("hb", walk.device_id), beat("0badcafe.1.2", now)),
        ):
            await terminal.publish(topic, body, qos=1)
    wanted = {
        ("okc_stored_total", "ingest"): 1,
        ("okc_duplicate_total", "ingest"): 1,
        ("okc_quarantined_total", "ingest"): 1,
        ("okc_acked_total", "ingest"): 3,
        ("okc_press_commit_seconds_count", "ingest"): 1,
        ("okc_commit_seconds_count", "ingest"): 3,
        ("okc_stored_total", "beats"): 1,
        ("okc_late_total", "beats"): 0,
        ("okc_internal_total", "ingest"): 0,
        ("okc_id_clash_total", "beats"): 0,
        ("okc_redelivered_total", "beats"): 0,
        ("okc_acked_total", "beats"): 4,  # it is handed everything, and leaves three to the other lane
        ("okc_unacked", "beats"): 0,
        ("okc_lag_seconds", "ingest"): 0,
        ("okc_broker_connected", "ingest"): 1,
        ("okc_broker_connected", "beats"): 1,
    }

    async def counted() -> bool:
        found = figures(ingest)
        return {name: found.get(name) for name in wanted} == wanted

    await until(counted, "everything is counted")
    found = figures(ingest)
    assert 0 < found["okc_press_commit_seconds_p99", "ingest"] == found["okc_press_commit_seconds_sum", "ingest"]
    assert found["okc_batch_messages_sum", "beats"] == 4
    assert found["process_resident_memory_bytes", ""] > 0
    assert health(ingest) == (200, {"healthy": True, "wrong": {"beats": [], "ingest": []}})
    walk.broker.kill()

    async def unwell() -> bool:
        status, told = health(ingest)
        return status == 503 and all("not connected to the broker" in found for found in told["wrong"].values())

    await until(unwell, "both lanes miss the broker")
    walk.broker.start()

    async def well() -> bool:
        return health(ingest)[0] == 200

    await until(well, "healthy again by itself")
    assert ask(address(ingest) + "/live")[0] == 404
    assert ingest.stop() == 0


async def test_every_process_misses_the_database_says_so_and_is_healthy_again_by_itself(broker: Mosquitto) -> None:
    """None of them ends: what they say is for people."""
    with running(durable=False) as server:
        database = server.create_database("okc")
        migrate(database)
        broker.add_user("BJCY000003", await add_terminal(database, "BJCY000003", clock.now()))
        names = ("ingest", "send", "sweep", "web")
        env = environment(database, broker.port) | {"OKC_WEB_PORT": str(free_port())}
        services = [Service(name, env) for name in names]
        try:
            for service in services:
                await service.start()

            async def all_well() -> bool:
                return all(health(service)[0] == 200 for service in services)

            async def all_unwell() -> bool:
                return all(health(service)[0] == 503 for service in services)

            async def shown() -> bool:
                query = "select array_agg(process order by process) from service_health where present <> '{}'"
                return bool(await scalar(database, query) == ["beats", "ingest", "send", "sweep", "web"])

            await until(all_well, "all are healthy")
            await until(shown, "all beat with what they are at")
            server.stop()
            await until(all_unwell, "all miss the database", 90)
            server.start()
            await until(all_well, "all are healthy again")
            assert [service.stop() for service in services] == [0, 0, 0, 0]
        finally:
            for service in services:
                service.end()


async def test_the_sender_shows_what_it_sent_and_a_second_one_stands_by_in_health(walk: Walk) -> None:
    """Receipts of two presses; the stand-by has nothing to send and is well."""
    first, second, ingest = walk.service("send"), walk.service("send"), walk.service("ingest")
    await first.start()
    await ingest.start()
    starting = asyncio.ensure_future(second.start())
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        for number in (1, 2):
            body = press(f"0badcafe.1.{number}", clock.now(), {})
            await terminal.publish(up("press", walk.device_id), body, qos=1)

        async def sent() -> bool:
            found = figures(first)
            return found["okc_sent_total", "send"] >= 2 and found.get(("okc_outbox_due", "send")) == 0

        await until(sent, "the receipts are out")
    assert health(first) == (200, {"healthy": True, "wrong": {"send": []}})

    async def stands_by() -> bool:
        return "metrics: " in second.log() and health(second)[0] == 200

    await until(stands_by, "the second one looks at the first")
    assert figures(second)["okc_sent_total", "send"] == 0
    assert not second.is_ready()
    first.kill()
    await starting


async def test_a_port_that_is_taken_stops_nobody_and_is_had_when_it_is_free(walk: Walk) -> None:
    """A stand-by on the same machine takes over the metrics too."""
    port = str(free_port())
    first, second = walk.service("sweep"), walk.service("sweep")
    for service in (first, second):
        service.env["OKC_METRICS_PORT"] = port
        await service.start()
    assert "no metrics on 127.0.0.1:" + port in second.log()
    assert health(first)[0] == 200
    first.kill()

    async def followed() -> bool:
        return "metrics: " in second.log() and health(second)[0] == 200

    await until(followed, "the second one has the port")


async def test_the_broker_is_watched_with_what_it_holds_for_who_is_away(database: str, hardened: Hardened) -> None:
    """Beside who follows the registry; both are missed by name, and are well again by themselves."""
    env = {"PATH": "", "OKC_DATABASE_URL": database, "OKC_METRICS_PORT": "0"}
    words = ["broker", "follow", "--out", str(hardened.folder), "--name", "b1"]
    follower = Service("follow", env, *words, "--inside-port", str(hardened.inside_port))

    def cloud() -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1", hardened.inside_port, username="cloud", password=hardened.password("cloud"),
            identifier="away", clean_session=False,
        )  # fmt: skip

    try:
        await follower.start()
        async with cloud() as away:
            await away.subscribe("okc/v1/up/hb/+", qos=1)
        hardened.admit(DEVICE, PASSWORD)

        async def published() -> bool:
            try:
                async with aiomqtt.Client(
                    HOST, hardened.port, username=DEVICE, password=PASSWORD, tls_context=hardened.context()
                ) as terminal:
                    for number in range(40):
                        await terminal.publish(f"okc/v1/up/hb/{DEVICE}", b"%d" % number, qos=1)
            except aiomqtt.MqttError:
                return False
            return True

        await until(published, "the broker has 40 for who is away")

        async def held() -> bool:
            found = figures(follower)
            return found.get(("okc_broker_sessions", "broker"), 0) >= 2 and health(follower)[0] == 200

        async def shown() -> bool:
            return figures(follower)["okc_broker_held_messages", "broker"] >= 40 + OWN_TOPICS

        await until(held, "the broker says how it is", 60)
        await until(shown, "what it holds is counted", 60)
        hardened.stop()

        async def missed() -> bool:
            return health(follower) == (
                503, {"healthy": False, "wrong": {"broker": ["the broker says nothing of itself"], "follow": []}}
            )  # fmt: skip

        await until(missed, "the broker is missed", 90)
        assert ("okc_broker_clients", "broker") not in figures(follower)
        hardened.start()
        await until(held, "it is well again", 60)
        assert follower.stop() == 0
    finally:
        follower.end()


def test_what_operators_are_told_to_watch_is_there() -> None:
    """Documents and alert rules name metrics by name: each of them is one of ours."""
    root = Path(__file__).resolve().parents[2]
    text = "".join((root / name).read_text() for name in ("cloud/README.md", "cloud/ingest/README.md"))
    named = set(re.findall(r"\bokc_[a-z0-9_]+[a-z0-9]\b", text))
    ours = {f"okc_{name}_total" for name in COUNTS} | {metric for metric, _ in GAUGES.values()}
    for metric, _ in SERIES.values():
        ours |= {metric, f"{metric}_bucket", f"{metric}_count", f"{metric}_p99"}
    assert named - ours == set()
    assert {metric for metric, _ in GAUGES.values()} - named == set(), "and each gauge is told of"
