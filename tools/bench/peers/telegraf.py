"""Telegraf as a peer: `mqtt_consumer` with a session into `postgresql`, built from its Go module with just these.

It is set up so that nothing is lost and as much as possible goes through; README.md gives each setting its reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tools.bench.ingest import FILTER
from tools.bench.peers.peer import TEXT, AbsentError, Place

VERSION = "1.37.2"
MODULE = "github.com/influxdata/telegraf"
TAGS = "custom,inputs.mqtt_consumer,outputs.postgresql,parsers.json"
BUILD_S = 1_200  # about a minute with its sources at hand; two hundred modules are fetched first
SETTINGS = {
    "metric_batch_size": 4_000,
    "metric_buffer_limit": 50_000,
    "flush_interval": "200ms",
    "max_undelivered_messages": 10_000,
    "qos": 1,
    "persistent_session": "true",
    "data_format": "json",
    "tags_as_foreign_keys": "false",
    "pool_max_conns": 1,
}
_CONFIG = """
[agent]
  interval = "10s"
  omit_hostname = true
  metric_batch_size = {metric_batch_size}
  metric_buffer_limit = {metric_buffer_limit}
  flush_interval = "{flush_interval}"

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["{filter}"]
  topic_tag = ""
  qos = {qos}
  persistent_session = {persistent_session}
  client_id = "{session}"
  max_undelivered_messages = {max_undelivered_messages}
  name_override = "{table}"
  fieldexclude = ["v"]
  data_format = "{data_format}"
  json_string_fields = {text}
  json_time_key = "t"
  json_time_format = "unix"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "{filter}"
    tags = "_/_/_/_/device_id"

[[outputs.postgresql]]
  connection = "{dsn} pool_max_conns={pool_max_conns}"
  tags_as_foreign_keys = {tags_as_foreign_keys}
  timestamp_column_name = "t"
  timestamp_column_type = "timestamp with time zone"
"""


class Telegraf:
    """The collector of InfluxData."""

    name = "Telegraf"
    session = "telegraf"
    keyed = False  # COPY fails as a whole on a row that is there already

    def __init__(self) -> None:
        self._program = Path()

    def prepare(self, cache: Path) -> str:
        """Build it once; a later run finds it."""
        folder = cache / f"telegraf-{VERSION}"
        self._program = folder / "telegraf"
        if not self._program.exists():
            self._build(folder)
        return VERSION

    def settings(self) -> dict[str, Any]:
        """As in the file that it reads."""
        return dict(SETTINGS)

    def command(self, place: Place) -> list[str]:
        """With a configuration of its own in its folder."""
        text = _CONFIG.format(
            **SETTINGS, port=place.port, filter=FILTER, session=self.session, table=place.table, dsn=place.dsn,
            text=json.dumps(TEXT),
        )  # fmt: skip
        config = place.folder / "telegraf.conf"
        config.write_text(text)
        return [str(self._program), "--config", str(config)]

    def _build(self, folder: Path) -> None:
        go = shutil.which("go")
        if go is None:
            raise AbsentError("Go is missing, which it is built with")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "go.mod").write_text(f"module peers\n\ngo 1.25\n\nrequire {MODULE} v{VERSION}\n")
        fresh = folder / "telegraf.new"
        flags = ["-mod=mod", "-trimpath", "-tags", TAGS, "-ldflags", f"-X {MODULE}/internal.Version={VERSION}"]
        words = [go, "build", *flags, "-o", str(fresh), f"{MODULE}/cmd/telegraf"]
        try:
            done = subprocess.run(
                words, cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=BUILD_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise AbsentError(f"its build did not end within {BUILD_S} s") from None
        if done.returncode != 0:
            raise AbsentError(f"its build failed: {done.stderr.strip()[-300:]}")
        fresh.rename(self._program)
