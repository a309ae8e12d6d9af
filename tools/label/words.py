"""The words on a label: names of keys as they stand on the unit, and what a key does where the district has not said.

In: a board's keys and the district's own legends. Out: (key, legend) in the unit's order. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TRIAL = "试用 TRIAL 非正式"
PASSED = "检验合格"
PASSED_TRIAL = "试用检验"  # a trial unit has no claim to the other word
SERIAL = "序列号"
HOTLINE = "热线"
BRAND = "一键呼 OneKeyCall"
RED_KEY = "红键"


def key_name(code: str) -> str:
    """What stands on the key cap, for the red key its name: 红键, 1 to 9, 取消."""
    return {"sos": RED_KEY, "cancel": "取消"}.get(code) or code[1:]


def legends(keys: Iterable[str], district: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each key with its legend: the district's, else a plain word that promises nothing it may not do."""
    plain = {"sos": "紧急呼叫", "cancel": "停止呼叫"}
    return [(code, district.get(code) or plain.get(code, "服务")) for code in keys]
