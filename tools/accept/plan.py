"""What is tested, in which order, and what each part must show. Pure: names, texts, limits.

A part passes on what the board or the network reports, or on a code that only somebody who saw or heard it can type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEY_S = 90.0  # to find the key and press it
CABLE_S = 120.0  # to pull the adapter, or to plug it in again
CALL_S = 60.0  # until somebody answers the test call
DIGIT_S = 90.0  # to count the beeps in the phone and press that number
REGISTER_S = 120.0  # a modem that has just been switched on looks for its network
ONLINE_S = 180.0  # bearer, TLS, session, over 2G
RECEIPT_S = 60.0
CODE_TRIES = 3  # each with another code: a miscount must not cost the whole test, guessing must not pass it
CODES = (2, 3, 4, 5, 6)  # countable; one is what a fault looks like
CSQ_MIN = 10  # -93 dBm: below it calls drop
CELL_MV = (3_500, 4_250)  # a cell that is there, neither deep discharged nor overcharged
# What no program dials: emergency and public service numbers, here and elsewhere.
NEVER = ("110", "112", "119", "120", "122", "911", "999")
NUMBER_DIGITS_MIN = 5  # shorter ones are public services

KEY_NAMES = {"sos": "红键“紧急”", "cancel": "“取消”键"}
PARTS = ("keys", "lamp", "buzzer", "modem", "speaker", "call", "power", "data")
TITLES = {
    "keys": ("按键", "keys"),
    "lamp": ("指示灯", "lamp"),
    "buzzer": ("蜂鸣器", "buzzer"),
    "modem": ("SIM 卡与信号", "SIM and signal"),
    "speaker": ("扬声器", "speaker"),
    "call": ("通话与麦克风", "call and microphone"),
    "power": ("电池与市电", "battery and mains"),
    "data": ("数据链路", "data link"),
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What this terminal must turn out to be."""

    device_id: str
    iccid: str
    imei: str
    test_number: str = field(repr=False)  # of the phone that the technician holds
    caller_proof: str | None = field(default=None, repr=False)  # keyed hash of the SIM's own number; None: not in stock
    proof_key: bytes = field(default=b"", repr=False)


@dataclass
class Part:
    """How one part of the test ended."""

    name: str
    passed: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    why: str = ""  # in both languages, if it did not pass


def key_name(key: str) -> str:
    """As it stands on the unit."""
    return KEY_NAMES.get(key, f"{key.removeprefix('k')} 号键")


def refuses_number(number: str) -> str | None:
    """Why this number may not be dialled by a test; None if it may."""
    plain = number.removeprefix("+86")
    if not plain.isdigit() or len(plain) < NUMBER_DIGITS_MIN:
        return "试拨号码须为 5 位以上数字 / the test number needs 5 digits or more"
    if plain in NEVER or any(plain.removeprefix("0").endswith(one) and len(plain) <= len(one) + 4 for one in NEVER):
        return "紧急号码绝不由程序拨打 / no program dials an emergency number"
    return None


def weak(facts: dict[str, Any], wanted: Wanted) -> str | None:
    """What is wrong with SIM, registration or signal; None if nothing is."""
    if not facts.get("sim"):
        return "没有 SIM 卡 / no SIM"
    if facts.get("iccid") != wanted.iccid:
        return "SIM 卡不是登记的那张 / not the SIM of this terminal's registration"
    if wanted.imei and facts.get("imei") != wanted.imei:
        return "模块不是登记的那个 / not the modem of this terminal's registration"
    if facts.get("reg") not in (1, 5):
        return "没有注册到网络 / not registered"
    csq = facts.get("csq")
    if not isinstance(csq, int) or csq == 99 or csq < CSQ_MIN:
        return f"信号弱：{csq}，至少 {CSQ_MIN} / weak signal: {csq}, at least {CSQ_MIN}"
    return None
