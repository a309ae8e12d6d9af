"""What technicians are told: code to exit code, Chinese and English. One line each, and what to do next."""

from __future__ import annotations

# code: (exit code, Chinese, English)
FAILURES: dict[str, tuple[int, str, str]] = {
    "bad_id": (90, "设备编号应为 6 到 20 位大写字母和数字", "a device id is 6 to 20 capitals and digits"),
    "unknown_device": (91, "登记库中没有这台终端，请先合并工作台记录", "unknown; merge the bench's records first"),
    "reserved": (92, "该编号只是预留，还没有终端，请先合并工作台记录", "only a reserved id; merge the bench's records"),
    "retired": (93, "该终端已报废或凭据已吊销，不能使用", "retired or revoked; take another terminal"),
    "in_a_home": (94, "该终端已登记在另一户，请先拆除", "it is in another home; remove it there first"),
    "in_this_home": (
        122, "该终端已经装在这一户，不用再装，也不要拆", "it is in this home already; there is nothing to do",
    ),
    "still_elsewhere": (95, "该终端当天还在另一户，请核对日期", "it was in another home on that day; check the date"),
    "never_tested": (96, "该终端没有验收记录，请先运行 onekey check-terminal", "never tested"),
    "test_failed": (97, "该终端最近一次验收未通过，不能安装", "its last acceptance test failed"),
    "test_again": (98, "该终端从住户家拆回后没有再验收", "it came back from a home and was not tested since"),
    "trial_image": (120, "该终端装的是试用固件，不能装到住户家", "it runs a trial image; homes get the frozen build"),
    "clock": (121, "本机时间与服务器相差太大，请校准后重试", "this computer's clock is wrong; set it and try again"),
    "unknown_home": (99, "没有这个住户编号，请核对派工单", "no such home; check the work order"),
    "home_has_one": (100, "该住户已有终端，请用 onekey swap 更换", "the home has a terminal; use onekey swap"),
    "not_in_a_home": (101, "该终端现在不在任何住户家", "it is in no home now"),
    "other_home": (102, "该终端不在所填的住户家", "it is not in the home that was given"),
    "before_install": (103, "日期早于该终端的安装日期", "the date is before its installation"),
    "leaves_first": (104, "该终端还在住户家，请先拆除或更换", "it is still in a home; remove or swap it first"),
    "day_ahead": (105, "日期在今天之后，请检查电脑时间", "the date lies ahead; check this computer's clock"),
    "day_too_old": (106, "日期太早，请与办公室核对", "the date is too long ago; ask the office"),
    "other_job": (107, "同一作业编号的内容不同，文件可能损坏", "this job's id was used for another job"),
    "same_device": (108, "新旧终端是同一台", "old and new are the same terminal"),
    "no_plan": (109, "没有可用的呼叫方案，请联系办公室", "there is nobody to call for this home; ask the office"),
    "plan_too_long": (110, "该住户的呼叫方案太长，请联系办公室", "the home's plan is too long; ask the office"),
    "bad_picture": (
        111, "照片或签名应为完整的 JPEG 或 PNG，不超过 8 MB", "a picture is a whole JPEG or PNG of at most 8 MB",
    ),
    "no_press": (
        112, "没有收到老人的测试按键；作业已保存，可重新运行继续",
        "the elder's test press has not arrived; run again to go on",
    ),
    "offline": (
        113, "连不上数据库，作业已保存；没有网络时加 --offline 做完，有网络后运行 onekey install --send",
        "no connection, the job is kept; without network add --offline, later run onekey install --send",
    ),
    "damaged": (114, "作业文件已损坏或被改动", "a job file is damaged or was altered"),
    "no_home": (115, "没有选择住户", "no home was chosen"),
    "no_such_job": (116, "没有这个作业", "no such job"),
    "applied_already": (117, "该作业已写入登记库，请用 onekey remove 撤回", "applied; take it back by onekey remove"),
    "bad_answer": (118, "填写的内容不对", "an answer has not the form that is asked for"),
    "busy": (119, "数据库正忙或正在切换，请重试", "the database is busy or moving; try again"),
    "other_visit": (
        123, "该终端有一个未完成的作业，材料是另一户的；请先用 onekey install --send 发送，或用 --drop 放弃",
        "an unfinished job of it holds another home's evidence; send it or drop it first",
    ),
    "forged": (
        5, "作业不是工作台签名时的样子（被改动或伪造），没有写入任何内容；文件已另存，请交给办公室，本户重新做",
        "not as its bench signed it: nothing was applied; the file is kept aside, tell the office, do the visit again",
    ),
    "unknown_bench": (
        6, "登记库不认识签名的工作台，没有写入；文件已另存", "signed by a bench nobody knows; not applied, kept aside",
    ),
    "bench_closed": (
        7, "签名的工作台已停用，没有写入；文件已另存，请联系办公室", "its bench was closed; not applied, kept aside",
    ),
    "sealed_elsewhere": (
        8, "作业是为另一个登记库加密的，没有写入；文件已另存",
        "sealed for another registry; not applied, kept aside",
    ),
    "incomplete": (
        9, "作业缺少照片文件，没有写入；请再运行同一命令，补上照片",
        "a picture's file is gone; not applied; run the command again and give it",
    ),
    "no_bench": (
        124, "本机没有工作台密钥，请先运行 onekey provision --reservation 文件",
        "this notebook has no bench key; load a reservation: onekey provision --reservation FILE",
    ),
    "setup": (2, "本机没有设置好", "this computer is not set up"),
}  # fmt: skip

MISSING = {"press": "老人测试按键", "photo": "照片", "signature": "老人签名", "call_120": "120 通话记录"}
CALL_RESULTS = {
    "connected": "接通并核对",
    "busy": "占线",
    "no_answer": "无人接听",
    "failed": "拨不出去",
    "not_made": "未拨打",
}
REASONS = {"moved": "搬迁", "deceased": "去世", "declined": "不再使用", "fault": "故障", "other": "其他"}


class FailedError(Exception):
    """A job that cannot go on, by code; `about` is a device id, a day or a file's name, never personal."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.about = about

    @property
    def exit_code(self) -> int:
        """Of the command."""
        return FAILURES[self.code][0]

    def line(self) -> str:
        """As it is shown, in both languages."""
        _, chinese, english = FAILURES[self.code]
        about = f"（{self.about}）" if self.about else ""
        return f"失败：{chinese}{about} / failed: {english}"
