"""A private MQTT broker from the wheel `iotcore`: passwords but no topic rules, memory only, so for the demo only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tools.embedded import children
from tools.embedded.ports import free_port, listens

# MQTT 3.1.1 only: this broker aborts a 3.1.1 client's connection when it forwards a message that was published
# with MQTT 5 properties, so the demo's sender publishes without them (setting `broker_mqtt5`).
_CONFIG = """
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 10000
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 20480
max_inflight_count = 5000
dynamic_filters = true
[v4.1.connections.auth]
{users}
"""


class Broker:
    """One broker with a fixed list of users {name: password}. start(), port, stop()."""

    def __init__(self, folder: Path, users: dict[str, str]) -> None:
        self.folder = folder
        self.users = users
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration, start, and wait until it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        users = "\n".join(f"{json.dumps(name)} = {json.dumps(word)}" for name, word in self.users.items())
        config = self.folder / "broker.toml"
        config.touch(mode=0o600)
        config.write_text(_CONFIG.format(port=self.port, users=users))
        with (self.folder / "broker.log").open("ab") as log:
            self.process = children.start(
                [sys.executable, "-c", _SERVE, str(config)], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        children.wait_until(lambda: listens(self.port), self.process, "the broker")

    def stop(self) -> None:
        """End it. What it held for absent clients is gone."""
        if self.process is not None:
            children.stop(self.process)
            self.process = None


_SERVE = "import sys; from iotcore import IotCoreBroker; IotCoreBroker(config_path=sys.argv[1]).run_forever()"
