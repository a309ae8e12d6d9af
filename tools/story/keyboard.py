"""Keys of the terminal on the wall, pressed from the terminal you typed in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.story.lines import Line
    from tools.story.standin import StandIn
    from tools.story.terminal import Terminal

# what is typed: (key line, what it means)
KEYS = {
    "s": ("sos", 1200, "紧急呼叫 SOS, held for 1.2 s"),
    "1": ("k1", 300, "驿站 station"),
    "2": ("k2", 300, "叫车 taxi"),
    "3": ("k3", 300, "买药 medicine"),
    "4": ("k4", 300, "买菜 groceries"),
    "9": ("k9", 300, "家人 family"),
    "c": ("cancel", 200, "取消 cancel"),
}
SWITCHES = {
    "d": (("data off", "data on"), "数据断开/恢复 data link lost, back"),
    "r": (("registration off", "registration on"), "信号断开/恢复 no coverage, back"),
}


def play(terminal: Terminal | StandIn) -> None:
    """Read letters until `q` or the end of input; without input, run until ended."""
    print(_help(), flush=True)
    flipped: set[str] = set()
    for line in sys.stdin:
        for letter in line.strip().lower():
            if letter == "q":
                return
            if letter in KEYS:
                key, hold_ms, _meaning = KEYS[letter]
                terminal.press(key, hold_ms)
            elif letter in SWITCHES:
                off_on = SWITCHES[letter][0]
                terminal.tell(off_on[letter in flipped])
                flipped ^= {letter}
                print(f"  {off_on[letter not in flipped]}", flush=True)
            else:
                print(_help(), flush=True)
    terminal.lines.ended.wait()


def show(line: Line) -> None:
    """One line of the firmware, as its elder would notice it."""
    for name, mark in (("lamp", "灯"), ("beep", "声")):
        if name in line.data:
            print(f"  {mark} {line.data[name]}", flush=True)
    if line.data.get("note") in ("dial", "talking", "ended", "route", "desk"):
        told = {
            name: value for name, value in line.data.items() if name in ("label", "number", "cause", "st", "source")
        }
        print(f"  · {line.data['note']} {' '.join(str(value) for value in told.values() if value)}", flush=True)


def _help() -> str:
    rows = [f"  {letter}  {meaning}" for letter, (_key, _hold, meaning) in KEYS.items()]
    rows += [f"  {letter}  {meaning}" for letter, (_off_on, meaning) in SWITCHES.items()]
    return "\n".join(["type a letter and Enter:", *rows, "  q  结束 quit"])
