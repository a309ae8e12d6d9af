"""Why there is no label: a name, an exit code of its own, one line in Chinese and in English.

In: a name and its values. Out: an error as tools/board has them. Must never hold a phone number.
"""

from __future__ import annotations

from tools.board.texts import BenchError

# name: (exit code, Chinese, English)
TEXTS: dict[str, tuple[int, str, str]] = {
    "no_pass": (51, "{chinese}", "{english}"),
    "bad_records": (52, "{chinese}", "{english}"),
    "no_bench": (53, "工位文件夹里没有可用的 {name}：{folder}", "no {name} to be read in the bench's folder {folder}"),
    "bad_label": (54, "{chinese}", "{english}"),
    "no_label_file": (55, "标签没有写成：{why}", "the label was not written: {why}"),
}  # fmt: skip


class LabelError(BenchError):
    """No label."""

    table = TEXTS
