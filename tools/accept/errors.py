"""What the acceptance test refuses: a name, an exit code of its own, one line in Chinese and in English.

In: a name and its values. Out: an error as tools/board has them. Must never hold a phone number.
"""

from __future__ import annotations

from tools.board.texts import BenchError

# name: (exit code, Chinese, English)
TEXTS: dict[str, tuple[int, str, str]] = {
    "not_passed": (80, "验收未通过：{parts_cn}，不打印标签", "the acceptance test was not passed: {parts}; no label"),
    "no_test_number": (
        81,
        "bench.json 里没有 test_number（技术员手持的测试电话）",
        "bench.json holds no test_number, the phone that the technician holds",
    ),
    "bad_test_number": (82, "试拨号码不可用：{why}", "the test number cannot be used: {why}"),
    "not_ours": (
        83,
        "本工作台没有登记过这块板子，请先运行 onekey provision",
        "this bench has not provisioned this board; run onekey provision first",
    ),
    "no_session": (84, "板子没有开始测试：{error}", "the board did not begin the test: {error}"),
    "bad_settings": (85, "{path} 不是设置文件", "{path} holds no settings"),
    "no_label": (
        86,
        "已通过，但标签没有写成（{why}），请运行 onekey label reprint",
        "passed, but no label was written ({why}); run onekey label reprint",
    ),
    "bad_words": (
        87,
        "bench.json 里的文字印不成标签：{chinese}",
        "the words of bench.json make no label: {english}",
    ),
    "no_fonts": (88, "字体文件不在，请重新运行 ./flash.sh 完成安装", "the fonts are missing: run ./flash.sh again"),
    "not_finished": (
        89,
        "这块板子还没有做完，请运行 ./flash.sh",
        "nothing would start its program; run ./flash.sh",
    ),
}


class AcceptError(BenchError):
    """One thing that the acceptance test refuses."""

    table = TEXTS
