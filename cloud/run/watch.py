"""What a process shows of itself over HTTP: `/metrics` for Prometheus and `/health` for whoever tells people.

In: the tallies that it counts in, a check. Out: figures and reasons, nothing personal. A view only: nothing is counted
here. Never a reason to stop: a port that is taken is tried again, for as long as the process works.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from cloud.errors import described

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from prometheus_client import Metric

    from cloud.settings import WatchedSettings
    from cloud.tally import Series, Tally

    Check = Callable[[], Awaitable[dict[str, list[str]]]]

log = logging.getLogger(__name__)

PORTS = {"ingest": 9101, "send": 9102, "sweep": 9103, "web": 9104, "broker": 9105}
AGAIN_S = 10.0  # the process that has the port may end: then a stand-by shows itself there
CHECK_S = 5.0  # a database that says nothing by then is away
BACKLOG = 16

# Names of tallies: the metric and what it is. What is not named here is counted under its own name all the same.
COUNTS = {
    "stored": "Messages stored",
    "duplicate": "Messages that were stored before; they change nothing",
    "id_clash": "Messages stored under an id that had other content",
    "quarantined": "Messages that could not be taken and went to quarantine",
    "link": "Words of the broker on a terminal's connection",
    "late": "Messages that arrived more than two minutes after they happened, or undatable",
    "acked": "Messages acknowledged to the broker, each after its commit",
    "ack_too_late": "Messages committed after their connection was gone; the broker sends them again",
    "redelivered": "Messages that the broker says it sent before",
    "retries": "Transactions tried again because the database was away",
    "batches": "Transactions of a batch of heartbeats",
    "connected": "Connections to the broker",
    "clock_steps": "Times that the clock of this machine was set",
    "sent": "Messages to terminals that the broker has",
    "expired": "Messages to terminals that expired before the broker could have them",
    "sent_again": "Messages to terminals sent once more because no answer came",
    "unanswered": "Messages to terminals that expired without an answer",
    "unreadable": "Messages to terminals that could not be opened",
    "restarts": "Times that the process began anew with its connections",
    "carrier_reads": "Readings of the operator's SIM platform",
    "carrier_failed": "Readings of the operator's SIM platform that were not whole",
    "carrier_skipped": "Entries of the operator's SIM platform that could not be taken",
    "carrier_missing": "Cards that the operator's SIM platform no longer listed",
    "failed": "Jobs that failed; they are tried again at the next turn",
    "escalated": "Cases that went a level up because nobody accepted",
    "calls_over": "Terminals that are no longer presumed in a call",
    "retired": "Rows of what was told to terminals long ago that were deleted",
    "pauses": "Terminals whose pause began or ended",
    "weeks": "Turns of the job that makes and drops weeks; its own count is in the log",
    "summed": "Hours and days whose sums were made",
    "findings_opened": "Findings of device health that opened",
    "findings_closed": "Findings of device health whose cause was gone",
    "looks_frozen": "Looks at device health that changed nothing because ingest did not work",
    "looks_failed": "Looks at device health that failed; the next one is a minute later",
    "mails_written": "Letters to our own teams that were written",
    "mails_sent": "Letters that the mail server has",
    "mails_failed": "Tries of a letter that failed; it is tried again",
    "mails_partly": "Letters of which the mail server refused some recipients",
    "requests": "Requests for pages",
    "internal": "Messages that our own code broke on; they are in quarantine",
    "refused": "Messages that the database refused; or requests for pages that were refused",
    "errors": "Requests that broke, or met a database that is away",
}
GAUGES = {
    "connected": ("okc_broker_connected", "1 while the broker has confirmed our session"),
    "connected_s": ("okc_broker_connected_seconds", "Since when the connection stands"),
    "lag_s": ("okc_lag_seconds", "Age of the oldest message that was read and is not committed"),
    "unacked": ("okc_unacked", "Messages read and not acknowledged"),
    "beaten_s": ("okc_beat_age_seconds", "Since the process last committed that it works"),
    "mail_on": ("okc_mail_on", "1 where letters are sent; 0: OKC_MAIL_HOST is not set"),
    "mails_waiting": ("okc_mails_waiting", "Letters that were tried and did not go"),
    "pages": ("okc_open_pages", "Live pages that are open"),
    "outbox_age_s": ("okc_outbox_age_seconds", "Age of the oldest message to a terminal that is due and not sent"),
    "outbox_due": ("okc_outbox_due", "Messages to terminals that are due and not sent"),
    "broker_clients": ("okc_broker_clients", "Connections to the broker"),
    "broker_sessions": ("okc_broker_sessions", "Sessions of the broker, also of who is away"),
    "broker_held": ("okc_broker_held_messages", "Messages that the broker holds: queued for somebody, or retained"),
    "broker_held_bytes": ("okc_broker_held_bytes", "The same in bytes"),
    "broker_dropped": ("okc_broker_dropped_messages", "Messages that the broker dropped since it started"),
    "broker_heap_bytes": ("okc_broker_heap_bytes", "Memory of the broker"),
}
SERIES = {
    "commit_s": ("okc_commit_seconds", "From the first try to the commit"),
    "press_commit_s": ("okc_press_commit_seconds", "From reading a new press off the broker to its commit"),
    "lag_at_commit_s": ("okc_lag_at_commit_seconds", "Age of the oldest message of a batch when it was committed"),
    "batch": ("okc_batch_messages", "Messages in one batch"),
    "round_s": ("okc_round_seconds", "One round of messages to terminals, from the first to the last PUBACK"),
    "turn_s": ("okc_turn_seconds", "One turn of all jobs"),
    "look_s": ("okc_look_seconds", "One look at the health of all terminals"),
    "request_s": ("okc_request_seconds", "From a request for a page to the first word of the answer"),
}


class _View(Collector):
    """The tallies as Prometheus reads them."""

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        """Every family once, with a value for each tally that has it."""
        for name in sorted({name for tally in self._tallies for name in tally.counts}):
            counter = CounterMetricFamily(f"okc_{name}", COUNTS.get(name, name), labels=["part"])
            for tally in self._tallies:
                if name in tally.counts:
                    counter.add_metric([tally.name], tally.counts[name])
            yield counter
        presents = {tally.name: tally.present() for tally in self._tallies}
        for name, (metric, text) in GAUGES.items():
            yield _gauge(metric, text, {part: now[name] for part, now in presents.items() if name in now})
        for name, (metric, text) in SERIES.items():
            having = [tally for tally in self._tallies if name in tally.series]
            if having:
                yield _histogram(metric, text, {tally.name: tally.series[name] for tally in having})
                p99s = {part: now[f"{name}_p99"] for part, now in presents.items() if f"{name}_p99" in now}
                yield _gauge(f"{metric}_p99", f"{text}: 99th percentile of the latest thousand", p99s)


def _gauge(metric: str, text: str, values: dict[str, float]) -> Metric:
    gauge = GaugeMetricFamily(metric, text, labels=["part"])
    for part, value in values.items():
        gauge.add_metric([part], value)
    return gauge


def _histogram(metric: str, text: str, found: dict[str, Series]) -> Metric:
    family = HistogramMetricFamily(metric, text, labels=["part"])
    for part, series in found.items():
        total, buckets = 0, []
        for bound, count in zip([*map(str, series.bounds), "+Inf"], series.counts, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric([part], buckets, series.sum)
    return family


@contextlib.asynccontextmanager
async def beside(
    settings: WatchedSettings, process: str, tallies: Sequence[Tally], check: Check
) -> AsyncIterator[None]:
    """Answer while the work goes on. `check`: what is wrong, by part; nothing at all: healthy."""
    serving = asyncio.ensure_future(_serve(settings, process, tallies, check))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _serve(settings: WatchedSettings, process: str, tallies: Sequence[Tally], check: Check) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_View(tallies))
    ProcessCollector(registry=registry)
    app = _App(registry, check)
    host, wanted = settings.metrics_host, settings.metrics_port
    port = PORTS[process] if wanted is None else wanted
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            log.warning("no metrics on %s:%d: %s; again in %.0f s", host, port, error.strerror, AGAIN_S)
            await asyncio.sleep(AGAIN_S)
        else:
            break
    with listening:
        listening.setblocking(False)
        log.info("metrics: http://%s:%d/metrics and /health", *listening.getsockname()[:2])
        await _answer(app, listening)


async def _answer(app: _App, listening: socket.socket) -> None:
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.gather(serving, return_exceptions=True)


class _Server(uvicorn.Server):
    """Leaves signals to `process.run`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _App:
    """Two addresses, as ASGI has it."""

    def __init__(self, registry: CollectorRegistry, check: Check) -> None:
        self._registry = registry
        self._check = check

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        del receive
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["method"], scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return 405, "text/plain", b"GET only\n"
        if path == "/metrics":
            return 200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)
        if path == "/health":
            status, told = await health(self._check)
            return status, "application/json", json.dumps(told).encode() + b"\n"
        return 404, "text/plain", b"/metrics, /health\n"


async def health(check: Check) -> tuple[int, dict[str, Any]]:
    """(200 or 503, what is wrong by part)."""
    try:
        async with asyncio.timeout(CHECK_S):
            found = await check()
    except TimeoutError:
        found = {"check": ["no answer in time"]}
    except Exception as error:  # noqa: BLE001 - its text may quote a row
        found = {"check": [described(error)]}
    healthy = not any(found.values())
    return (200 if healthy else 503), {"healthy": healthy, "wrong": found}
