"""Every word of the technician's page. Commands stand between backticks and are the product's own.

In: nothing. Out: texts. Few words: whoever reads this has a screwdriver in the other hand.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TITLE = "一键呼终端：工位与上门 一页图"
RULE = "照数字做。打 onekey 时前面加 ./ 。屏幕出现“失败”或“未通过”就停，看中间的表。"

BENCH = "一　工位：从开箱到贴标签"
# (picture, title, text)
BENCH_STEPS = (
    ("fit", "先装卡、拧天线", "断电时插 SIM 卡，拧紧天线。没有天线不许通电。"),
    ("cable", "接 USB 数据线", "直接插电脑，不用集线器。只能充电的线不行。"),
    ("command", "运行一条命令", "在项目文件夹打开终端，输入 `./flash.sh` 回车。不用别的工具。"),
    ("progress", "等进度条走完", "不拔线。断了不要紧：再运行 `./flash.sh`，接着做。"),
    ("keys", "叫哪个键按哪个", "红键、1 到 4、取消。看到“请现在按一下”再按。"),
    ("count", "数灯、数声音", "闪几下、响几声，就输入几。数错可再来。"),
    ("call", "接测试电话、拔电源", "接听，数蜂鸣声并按同样数字；照提示拔、插电源。"),
    ("label", "通过才出标签", "贴牢，扫码核对：扫出的编号要和大字一样。"),
)

FAILED = "二　屏幕上写“失败”“未通过”，怎么办"


class Failure(NamedTuple):
    """A row: what the line says, what to do, and which failures say so (names of tools/{board,provision,accept}).

    Between `、` stand words of the line; one with `…` behind it begins the line.
    """

    says: str
    do: str
    failures: tuple[str, ...]


FAILURES = (
    Failure(
        "没有找到串口、没有应答的板子、断开了",
        "换数据线、换 USB 口；按住 BOOT 键再插；重新运行 `./flash.sh`",
        ("no_port", "no_board", "unplugged"),
    ),
    Failure("芯片是…、闪存只有…", "板子不对：换一块。这块放“退货”盒，不强写", ("wrong_chip", "small_flash")),
    Failure(
        "镜像…",
        "停。只用管理员给的官方文件，登记一次：`onekey image add`",
        ("bad_image", "no_image", "bad_hash", "other_chip", "old_python"),
    ),
    Failure(
        "请重新运行",
        "再运行 `./flash.sh`，会接着做，不会重做",
        ("not_written", "not_verified", "silent", "differs", "other_board", "unforeseen", "not_stored", "no_fonts"),
    ),
    Failure(
        "编号、凭证、预留文件",
        "停。把整行交给管理员，自己不改编号",
        (
            "no_reservation",
            "used_up",
            "bad_reservation",
            "other_bench",
            "other_identity",
            "lost_password",
            "has_identity",
        ),
    ),
    Failure(
        "SIM 卡、通信模块",
        "断电，重插卡、拧紧天线，到窗边再运行 `./flash.sh`；还不行，交管理员",
        ("no_sim", "sim_not_in_stock", "sim_used", "no_modem"),
    ),
    Failure("验收未通过…", "断电，修好或换件，再运行 `./flash.sh`，只补做验收", ("not_passed",)),
    Failure("同一行出现三次", "停。写明故障，放“待修”盒，连日志一起交", ()),
)

NEVER = "绝不交出"
NEVERS = (
    "没有标签的",
    "标签上写“试用 TRIAL 非正式”的",
    "扫出的编号和大字不一样的",
    "有一项没通过的，“只差一点”也不行",
    "外壳裂、键卡住、电池鼓、发烫的",
)
NEVER_DIAL = "测试不拨 120、110、119。"

HOME = "三　上门安装"
HOME_STEPS = (
    ("scan", "扫码，选住户", "`onekey install` 扫标签或输编号，核对门牌。"),
    ("place", "放在够得着处", "床边或沙发边。插墙上插座，不用带开关的插排。"),
    ("press", "老人自己按", "请老人按一次红键：有人接听、两边听得清，才算好。"),
    ("ambulance", "人工拨一次 120", "先和 120 约好时间，由人来拨，当场说明，记下来。"),
    ("sign", "拍照、签名", "断了：同样命令再来。没网加 --offline，有网加 --send。"),
)
LATER = (
    ("换机", "`onekey swap`", "住户和按键不变"),
    ("撤机", "`onekey remove`", "终端回库"),
    ("报废", "`onekey retire`", "不再使用"),
    ("补标签", "`onekey label reprint`", "只给通过的"),
)


def commands() -> list[str]:
    """Every command that the page names, without its arguments."""
    texts = [text for _p, _t, text in (*BENCH_STEPS, *HOME_STEPS)] + [row.do for row in FAILURES]
    texts += [command for _what, command, _note in LATER]
    return sorted({command for text in texts for command in re.findall("`([^`]*)`", text)})
