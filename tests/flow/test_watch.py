"""What the processes show of themselves: real ones, asked over HTTP, with the broker and the database taken away."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from cloud import clock
from tests.flow.parts import beat, client, press, until, up

if TYPE_CHECKING:
    from tests.flow.conftest import Walk
    from tests.flow.parts import Service

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
