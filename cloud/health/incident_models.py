"""The nouns of correlation: who is ill together, what they have in common, and what one look makes of it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

# What terminals may have in common. Of two that explain the same the first one here is named: where all run one
# version, it says nothing.
SCOPES = {
    "cell": "基站小区",
    "community": "社区",
    "street": "街道",
    "batch": "批次",
    "sim_pool": "SIM 卡流量池",
    "district": "全区",
    "firmware": "固件版本",
}
DISTRICT = "全区"
# A cell or a place is hit as a whole; a version or a pool is often hit in part.
WIDE = frozenset({"batch", "sim_pool", "firmware", "district"})


@dataclass(frozen=True, kw_only=True)
class Family:
    """One way in which many fall ill at once."""

    name: str
    title: str
    rules: frozenset[str]  # findings that make an incident
    followers: frozenset[str]  # what comes after it at a member, and waits with it
    scopes: tuple[str, ...]  # what such an illness may come from
    what: str  # of the sentence: 同时……
    why: str
    next_step: str


FAMILIES: tuple[Family, ...] = (
    Family(
        name="mains", title="大面积停电", rules=frozenset({"mains_lost"}),
        followers=frozenset({
            "silent", "battery_low", "battery_critical", "battery_absent", "under_voltage", "brownouts", "reboots",
        }),
        scopes=("community", "street", "district"), what="没有市电",
        why="停电是一片的事，不是终端的故障；电池用完后还会陆续失联，仍是同一件事。",
        next_step="不逐台派单。联系供电单位和社区，问清恢复时间；先电话问候其中独居的老人，超过电池待机时间仍未恢复的安排上门看望。",
    ),
    Family(
        name="network", title="通信网络故障", rules=frozenset({"voice_lost", "server_refused"}),
        followers=frozenset({"silent", "coverage", "weak_signal", "unsteady"}),
        scopes=("cell", "community", "batch", "sim_pool", "firmware", "street", "district"),
        what="注册不上网络或被拒绝接入",
        why="同一基站或同一批卡同时掉网，换终端没有用。",
        next_step="不逐台派单。报运营商故障台，告知小区号或卡池；按键可能打不出电话，先电话问候其中独居的老人。",
    ),
    Family(
        name="sim", title="SIM 卡批量异常", rules=frozenset({"sim_absent", "sim_changed"}),
        followers=frozenset({"silent", "voice_lost", "coverage"}),
        scopes=("batch", "sim_pool", "community", "street", "district"), what="SIM 卡异常",
        why="一批卡或卡座有同样的毛病，或者卡被成批停用。",
        next_step="向运营商核对这批卡的状态；属于卡座或安装问题的，按批次安排更换。",
    ),
    Family(
        name="contact", title="大面积失联", rules=frozenset({"silent"}),
        # A power cut in which some have no battery is known by their silence first.
        followers=frozenset({
            "mains_lost", "battery_low", "battery_critical", "battery_absent", "voice_lost", "server_refused",
            "unsteady",
        }),
        scopes=("cell", "community", "batch", "sim_pool", "firmware", "street", "district"), what="失联",
        why="一个基站、一片电路或一个流量池停了，几百台终端会在一个心跳间隔里同时失联。",
        next_step="不逐台派单。按共同点先查：同一小区报运营商，同一社区或街道问供电，同一流量池查余量，同一固件停止升级；先电话问候其中独居的老人。",
    ),
    Family(
        name="stability", title="程序批量出错", rules=frozenset({"reboots", "crashes"}),
        followers=frozenset({"silent", "unsteady", "brownouts"}),
        scopes=("firmware", "batch"), what="反复重启或程序出错",
        why="同一固件或同一批硬件的缺陷，逐台上门解决不了。",
        next_step="停止该版本的升级并报研发；影响呼叫的终端退回上一版本或更换。",
    ),
)  # fmt: skip
FAMILY = {family.name: family for family in FAMILIES}


@dataclass(frozen=True, kw_only=True)
class Ill:
    """One open finding of a terminal, as correlation sees it."""

    device_id: str
    rule: str
    since: datetime
    slack_s: float  # its cause began at most so much later than `since`: a silence begins with the last word
    limit_s: float  # so long after its cause it became a finding
    incident_id: int | None = None  # of which it is, or was until that ended


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One that is open."""

    incident_id: int
    family: str
    scope: str
    place: str
    since: datetime
    members_high: int
    last_left_at: datetime | None = None  # the latest return of a member


@dataclass(frozen=True, kw_only=True)
class NewIncident:
    """One that begins, with its first findings."""

    family: str
    scope: str
    place: str
    since: datetime
    members: int
    group: int  # terminals that have it in common
    findings: tuple[tuple[str, str], ...]  # (device, rule)


@dataclass(frozen=True)
class Step:
    """What one look changes."""

    opened: list[NewIncident] = field(default_factory=list)
    joined: dict[int, list[tuple[str, str]]] = field(default_factory=dict)  # incident: (device, rule)
    closed: list[int] = field(default_factory=list)


# device: {scope: place}
Groups = Mapping[str, Mapping[str, str]]
# (scope, place): installed terminals
Sizes = Mapping[tuple[str, str], int]
