"""The configuration of Mosquitto 2.0 and its topic rules, as text. In: what stands where. Out: files' contents.

Pure. Each limit has its reason as a comment in the file that an operator reads. A terminal gets in by the outer door
only, under its own name only; the cloud and the metrics by the inner one. Anonymous never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud.ingest.subscriber import UNACKED_MAX
from protocol.topics import PREFIX

if TYPE_CHECKING:
    from pathlib import Path

CLOUD, MONITOR = "cloud", "monitor"
TERMINALS_MAX = 50_000
INSIDE_CONNECTIONS_MAX = 64
# The longest of ours: a payload of 1,400 bytes down, its topic, MQTT 5 properties.
PACKET_BYTES_MAX = 2_048
AUTOSAVE_S = 300
# What mbedtls in a terminal and every TLS library of ours agree on; forward secrecy, no CBC. TLS 1.3 has its own list.
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"

# (name, value, why), in the order of the file
LIMITS: tuple[tuple[str, str, str], ...] = (
    ("max_inflight_messages", str(UNACKED_MAX), "what the heartbeat lane reads ahead; less would idle it"),
    ("max_queued_messages", "1000000", "for a cloud that is away: 3 h of 50,000 terminals, 20 min of a storm"),
    ("max_queued_bytes", "629145600", "the same in bytes, so that a flood of long messages cannot take the memory"),
    ("max_keepalive", "600", "for clients of MQTT 5, our own; 2.0.11 takes what a 3.1.1 terminal says, which is 300 s"),
    ("persistent_client_expiration", "30d", "whoever was away for longer starts anew; a revoked one is forgotten"),
    ("set_tcp_nodelay", "true", "else 40 ms are added to every route"),
    ("retain_available", "true", "a terminal's `state` is retained"),
    ("check_retain_source", "true", "what was retained by somebody who may no longer write is not handed on"),
    ("sys_interval", "10", "the metrics' own rhythm"),
)


@dataclass(frozen=True, kw_only=True)
class Door:
    """One listener, with users and topic rules of its own."""

    address: str
    port: int
    users: Path
    rules: Path
    connections_max: int
    certificates: Path | None = None  # folder of server.crt and server.key; None: in the clear
    named_by_user: bool = False  # the client id is the user name, whatever the client says


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What stands where on the broker's machine."""

    doors: tuple[Door, ...]
    data: Path | None = None  # sessions, queues, retained messages; None: in memory only
    autosave_s: int = AUTOSAVE_S
    pid_file: Path | None = None
    log: str = "stderr"
    user: str = "mosquitto"
    packet_bytes_max: int = PACKET_BYTES_MAX


def text(plan: Plan) -> str:
    """The contents of mosquitto.conf."""
    lines = [
        "# Written by `onekey broker config`; run it again instead of editing.",
        "# Each door has its own users and rules: a terminal's password opens the outer door only.",
        "per_listener_settings true",
        f"user {plan.user}",
        f"log_dest {plan.log}",
        *(f"log_type {kind}" for kind in ("error", "warning", "notice")),
        "",
        "# The longest message of ours has some 1,500 bytes; whoever sends more is cut off.",
        f"max_packet_size {plan.packet_bytes_max}",
    ]
    for name, value, why in LIMITS:
        lines += [f"# {why}", f"{name} {value}"]
    if plan.pid_file is not None:
        lines += ["# `onekey broker follow` asks the process of this file to read its password files again.",
                  f"pid_file {plan.pid_file}"]  # fmt: skip
    lines += _persistence(plan)
    for door in plan.doors:
        lines += ["", *_door(door)]
    return "\n".join([*lines, ""])


def _persistence(plan: Plan) -> list[str]:
    if plan.data is None:
        return ["persistence false"]
    return [
        "# A broker that is killed forgets what came since; receipted kinds come again from the terminals.",
        "# Writing stops everything else, for about a second where much is queued: not more often.",
        "persistence true",
        f"persistence_location {plan.data}/",
        f"autosave_interval {plan.autosave_s}",
    ]


def _door(door: Door) -> list[str]:
    lines = [
        f"listener {door.port} {door.address}",
        "allow_anonymous false",
        f"password_file {door.users}",
        f"acl_file {door.rules}",
        "# Every terminal, and as many again while they come back over lines that nobody has given up yet."
        if door.named_by_user
        else "# The cloud's few processes and the metrics.",
        f"max_connections {door.connections_max}",
        "# Nothing of ours uses QoS 2.",
        "max_qos 1",
    ]
    if door.named_by_user:
        lines += ["# Else one terminal could take another one's session by its name.", "use_username_as_clientid true"]
    if door.certificates is not None:
        lines += [
            f"certfile {door.certificates / 'server.crt'}",
            f"keyfile {door.certificates / 'server.key'}",
            "# 1.2 and later.",
            "tls_version tlsv1.2",
            f"ciphers {CIPHERS}",
        ]
    return lines


def terminal_rules() -> str:
    """A terminal writes what is its own and reads what is for it."""
    return f"pattern write {PREFIX}/up/+/%u\npattern read {PREFIX}/down/+/%u\n"


def cloud_rules() -> str:
    """The cloud reads what comes up and writes what goes down; the metrics read the broker's own figures."""
    return f"user {CLOUD}\ntopic read {PREFIX}/up/#\ntopic write {PREFIX}/down/#\n\nuser {MONITOR}\ntopic read $SYS/#\n"
