"""Everything that the terminal says in Chinese: spoken prompts by code, and the short message.

In: codes and facts. Out: text. A text here says only what the terminal knows; that a person has accepted comes from
the desk alone.
"""

from firmware.core.clock import DAY_S, SHANGHAI_S, day_text, shanghai_number
from firmware.core.sms import LAST
from protocol import const

SMS_UNITS_MAX = 70  # of UCS2 in one message
_WHO_UNITS_MAX = const(16)
_NOBODY = const("老人")  # where the district has not said who lives there

PROMPTS = {
    "started": "紧急呼叫已启动",
    "calling_desk": "正在为您呼叫值班台",
    "calling_family": "正在呼叫家人",
    "unanswered": "暂时无人接听，正在继续呼叫",
    "accepted": "值班台已受理，请稍候",
    "on_the_way": "救助人员正在赶来，请稍候",
    "no_voice": "没有信号，正在重试",
    "no_sim": "没有电话卡，请向身边的人求助",
    "cancelled": "呼叫已取消",
}


def units(text: str) -> int:
    """How many UCS2 units a text takes: rare characters take two."""
    return sum([2 if ord(char) > 0xFFFF else 1 for char in text])


def ucs2_hex(text: str) -> str:
    """A text as the modem's UCS2 character set spells it: four hex digits a unit."""
    out = []
    for char in text:
        code = ord(char)
        if code > 0xFFFF:
            code -= 0x10000
            out.append("%04X%04X" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF))
        else:
            out.append("%04X" % code)
    return "".join(out)


def minute_text(epoch: int) -> str:
    """`MM-DD hh:mm` in Shanghai."""
    minute = (epoch + SHANGHAI_S) % DAY_S // 60
    return "%s %02d:%02d" % (day_text(shanghai_number(epoch))[5:], minute // 60, minute % 60)


def short_message(who: str | None, key: str, wave: int, device: str, epoch: int | None) -> str:
    """The text for family and neighbours, 70 units at most. `epoch`: of the press, None while no clock was set."""
    name = who or _NOBODY
    while units(name) > _WHO_UNITS_MAX:
        name = name[:-1]
    pressed = "紧急键" if key == "sos" else "%s号键" % key[1:]
    state = "仍无人受理，请速前往。" if wave == LAST else "尚无人受理，请速联系。"
    when = "" if epoch is None else " " + minute_text(epoch)
    return "【一键呼】%s按下%s，%s%s%s" % (name, pressed, state, device, when)
