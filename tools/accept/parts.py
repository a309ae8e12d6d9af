"""The parts of the acceptance test, one function each: guide the technician, wait for what must be seen.

In: a session with the board, the technician, what the terminal must be. Out: facts; FailedError says what was missing.
A part never passes because somebody pressed Enter, and never dials but the test number.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any

from tools.accept import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.accept.person import Person
    from tools.accept.session import Session

_RETRY_S = 2.0
_BEEP_S = 20.0  # six beeps and the way back


class FailedError(Exception):
    """A part did not show what it must; the text is for the technician."""


class Bench:
    """What a part works with."""

    def __init__(
        self,
        session: Session,
        person: Person,
        wanted: plan.Wanted,
        keys: tuple[str, ...],
        draw: Callable[[tuple[int, ...]], int] = secrets.choice,
    ) -> None:
        self.session = session
        self.person = person
        self.wanted = wanted
        self.keys = keys
        self.draw = draw


def keys(bench: Bench) -> dict[str, Any]:
    """Each key, pressed and let go; another one than asked for is told and does not count."""
    stuck = [key for key, closed in zip(bench.keys, bench.session.ask("facts")["levels"], strict=True) if closed]
    if stuck:
        names = "、".join(plan.key_name(key) for key in stuck)
        raise FailedError(f"未按就已闭合：{names} / closed without a finger: {', '.join(stuck)}")
    for key in bench.keys:
        name = plan.key_name(key)
        bench.session.forget()
        bench.person.tell("press", f"请现在按一下：{name}", f"press now: {key}", key=key)
        for edge in ("press", "release"):
            _edge(bench, key, edge)
    return {"keys": len(bench.keys)}


def _edge(bench: Bench, key: str, edge: str) -> None:
    while True:
        got = bench.session.event(lambda one: one["ev"] == "key", plan.KEY_S)
        if got is None:
            raise FailedError(f"没有收到 {plan.key_name(key)} / nothing came from {key}")
        if got["key"] == key and got["what"] == edge:
            return
        if got["key"] != key and got["what"] == "press":
            other = plan.key_name(str(got["key"]))
            bench.person.tell(
                "wrong_key", f"那是 {other}，请按 {plan.key_name(key)}", f"that was {got['key']}", key=key
            )


def _coded(bench: Bench, show: Callable[[int], object], what: str, chinese: str, english: str) -> dict[str, Any]:
    """Show a number that only somebody who perceives it can type back."""
    for count in range(1, plan.CODE_TRIES + 1):
        code = bench.draw(plan.CODES)
        show(code)
        if bench.person.ask(what, chinese, english).strip() == str(code):
            return {"tries": count}
        bench.person.tell("again", "不对，再来一次", "not right, once more")
    raise FailedError(f"{plan.CODE_TRIES} 次都不对 / wrong {plan.CODE_TRIES} times")


def lamp(bench: Bench) -> dict[str, Any]:
    """Blinks, counted."""

    def show(code: int) -> None:
        bench.session.ask("lamp", count=code, colour="red")

    return _coded(bench, show, "lamp", "灯闪了几下？", "how many times did the lamp light?")


def buzzer(bench: Bench) -> dict[str, Any]:
    """Beeps, counted."""

    def show(code: int) -> None:
        bench.session.ask("beep", count=code)

    return _coded(bench, show, "buzzer", "蜂鸣器响了几声？", "how many beeps?")


def modem(bench: Bench) -> dict[str, Any]:
    """The SIM and modem of the registration, in the network, with a signal that holds a call."""
    bench.person.tell("wait", "正在等待网络", "waiting for the network")
    why: str | None = "没有回答 / no answer"
    facts: dict[str, Any] = {}
    left = plan.REGISTER_S
    while why is not None and left > 0:
        facts = bench.session.ask("facts")
        why = plan.weak(facts, bench.wanted)
        if why is not None:
            bench.session.event(lambda one: one["ev"] == "registered", _RETRY_S)
            left -= _RETRY_S
    if why is not None:
        raise FailedError(why)
    return {"csq": facts["csq"], "reg": facts["reg"], "modem": facts["modem"]}


def speaker(bench: Bench) -> dict[str, Any]:
    """A number spoken by modems that can, tones by the others; said back by code."""
    speaks = "tts" in bench.session.ask("facts")["can"]

    def show(code: int) -> None:
        words = {"text": f"数字{code}"} if speaks else {"count": code}
        if not bench.session.ask("speak", **words)["done"]:
            raise FailedError("模块没有发声 / the modem did not speak")

    question = ("扬声器里说的是几？", "which number was spoken?") if speaks else ("扬声器响了几声？", "how many tones?")
    return {**_coded(bench, show, "speaker", *question), "spoken": speaks}


def call(bench: Bench) -> dict[str, Any]:
    """The test phone rings; beeps of the terminal are heard in it and come back as a key: both ways, end to end.

    The number that the phone shows must be the one of the SIM: presses and phone calls are matched by it.
    """
    why = plan.refuses_number(bench.wanted.test_number)
    if why is not None:
        raise FailedError(why)
    session, person = bench.session, bench.person
    session.forget()
    person.tell("answer", "测试电话即将响起，请接听，不要挂断", "the test phone will ring: answer and hold")
    session.begin("dial", number=bench.wanted.test_number)
    try:
        step = session.event(lambda one: one["ev"] == "call" and one["step"] in ("talk", "end", "fail"), plan.CALL_S)
        if step is None or step["step"] != "talk":
            raise FailedError(f"没有接通：{step and step['cause']} / not answered: {step and step['cause']}")
        tries = _through(bench)
    finally:
        session.ask("hangup")
    _caller(bench)
    return {"tries": tries, "caller": "as in stock"}


def _through(bench: Bench) -> int:
    for count in range(1, plan.CODE_TRIES + 1):
        code = bench.draw(plan.CODES)
        bench.session.forget()
        bench.person.tell(
            "count_beeps", "请在电话里数蜂鸣声，并按下同样的数字键", "count the beeps in the phone and press that key"
        )
        bench.session.ask("beep", _BEEP_S, count=code)
        digit = bench.session.event(lambda one: one["ev"] in ("digit", "call"), plan.DIGIT_S)
        if digit is None or digit["ev"] == "call":
            raise FailedError("没有收到电话按键，麦克风或通话有问题 / no key came back: microphone or call")
        if digit["key"] == str(code):
            return count
        bench.person.tell("again", "不对，再来一次", "not right, once more")
    raise FailedError(f"{plan.CODE_TRIES} 次都不对 / wrong {plan.CODE_TRIES} times")


def _caller(bench: Bench) -> None:
    shown = bench.person.ask("caller", "测试电话上显示的来电号码是？", "which number did the phone show?")
    number = "".join(one for one in shown if one.isdigit())
    number = number.removeprefix("86") if len(number) > 11 else number
    proof = caller_proof(bench.wanted.proof_key, number)
    if bench.wanted.caller_proof is None:
        raise FailedError("SIM 库存里没有这张卡的号码，请先导入 / the SIM's number is not in stock: import it first")
    if not hmac.compare_digest(proof, bench.wanted.caller_proof):
        raise FailedError("来电号码与 SIM 库存不符 / the caller's number is not the one of the SIM in stock")


def caller_proof(key: bytes, number: str) -> str:
    """What stands for a phone number where none may be written: a keyed hash, hex."""
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()


def power(bench: Bench) -> dict[str, Any]:
    """The cell, and the adapter pulled and plugged in again; a board that cannot tell mains shows its cell alone."""
    facts = bench.session.ask("facts")
    low, high = plan.CELL_MV
    if not isinstance(facts["cell_mv"], int) or not low <= facts["cell_mv"] <= high:
        raise FailedError(f"电池电压 {facts['cell_mv']} mV，应为 {low} 至 {high} / cell at {facts['cell_mv']} mV")
    if facts["mains"] is None:
        return {"cell_mv": facts["cell_mv"], "mains": "unknown"}
    for on, chinese, english in ((0, "请拔掉电源适配器", "pull the adapter"), (1, "请插回电源适配器", "plug it in")):
        bench.session.forget()
        if bench.session.ask("facts")["mains"] == on:
            continue  # it is so already
        bench.person.tell("mains", chinese, english, on=on)
        if bench.session.event(lambda one, on=on: one["ev"] == "mains" and one["on"] == on, plan.CABLE_S) is None:  # type: ignore[misc]
            raise FailedError(f"没有看到市电变化 / the board saw no change: {english}")
    return {"cell_mv": facts["cell_mv"], "mains": "seen"}


def data(bench: Bench) -> dict[str, Any]:
    """Through TLS to the broker and the cloud's database, and its receipt back."""
    session = bench.session
    bench.person.tell("wait", "正在连接平台", "connecting")
    online = session.ask("facts")["online"]
    if not online and session.event(lambda one: one["ev"] == "connected", plan.ONLINE_S) is None:
        raise FailedError("没有连上平台 / no session with the broker")
    message = session.ask("press", key=bench.keys[0])["id"]
    got = session.event(lambda one: one["ev"] == "receipt" and message in (one["ids"] or ()), plan.RECEIPT_S)
    if got is None:
        raise FailedError("平台没有回执 / no receipt from the cloud")
    return {"message": message}


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "keys": keys, "lamp": lamp, "buzzer": buzzer, "modem": modem, "speaker": speaker, "call": call, "power": power,
    "data": data,
}  # fmt: skip
