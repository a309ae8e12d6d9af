"""Every failure at the bench: a name, an exit code of its own, one line in Chinese and in English.

In: a name and its values. Out: the error that carries the line. A line must never hold a password or a phone number.
Exit codes of all that a technician runs: 10-49 here, 50 a batch, 51-59 paper (tools/label, tools/guide), 60-79
tools/provision, 80-89 tools/accept, 90-124 tools/install and 5-9 for its jobs that the registry refuses. The office:
2 for what was refused whole, 3 for a file with bad rows (tools/device, tools/sim), 4 for one of which a part counts
(tools/stock; a reading of the operator's platform, tools/sim).
"""

from __future__ import annotations

from typing import ClassVar

USAGE = 2
INTERRUPTED = 130  # as shells have it for Ctrl-C
SOME_FAILED = 50  # of a batch

# name: (exit code, Chinese, English)
TEXTS: dict[str, tuple[int, str, str]] = {
    "usage": (USAGE, "{chinese}", "{english}"),
    "no_port": (
        10,
        "没有找到串口，请检查线缆，或用 --port 指定",
        "no serial port found; check the cable or name it with --port",
    ),
    "no_board": (11, "{port} 上没有应答的板子，请检查线缆和下载模式", "no board answers on {port}"),
    "wrong_chip": (12, "芯片是 {chip}，需要 {wanted}", "the chip is {chip}, not {wanted}"),
    "bad_image": (
        13,
        "镜像不能用：{path} 不是完整的 MicroPython 镜像（{why_cn}）",
        "{path} is not a whole MicroPython image ({why})",
    ),
    "not_written": (14, "写入没有完成，请重新运行", "the image was not written to the end; run it again"),
    "small_flash": (15, "闪存只有 {found} MB，需要 {needed} MB", "only {found} MB of flash, {needed} needed"),
    "bad_hash": (16, "镜像校验值不符，实际为 {found}", "the image's SHA-256 is {found}, not the one registered"),
    "other_chip": (17, "镜像是 {found} 用的，不是 {wanted} 用的", "the image is for the {found}, not for the {wanted}"),
    "no_image": (18, "镜像还没有登记，{wanted_cn}", "no image is registered: {wanted}"),
    "which_image": (34, "请用 --image 指定一个镜像：{names}", "name an image with --image: {names}"),
    "busy": (19, "{port} 正被另一个程序使用", "{port} is in use by another program"),
    "no_permission": (
        20,
        "没有权限打开 {port}，请运行 sudo usermod -aG dialout $USER 后重新登录",
        "no permission to open {port}; run sudo usermod -aG dialout $USER and log in again",
    ),
    "many_ports": (
        21,
        "找到多个串口：{ports}，请用 --port 指定一个，或用 --batch 全部处理",
        "several serial ports: {ports}; name one with --port, or take all with --batch",
    ),
    "unplugged": (22, "{port} 断开了，请插好线缆后重新运行", "{port} went away; plug the cable in and run it again"),
    "not_verified": (23, "回读的内容与镜像不符，请重新运行", "what was read back is not the image; run it again"),
    "silent": (
        24,
        "{port} 上的 MicroPython 没有应答，请重新运行；已上锁的终端先用 onekey provision --unlock 解锁",
        "MicroPython on {port} does not answer; run it again; a locked terminal needs onekey provision --unlock first",
    ),
    "full": (
        25,
        "板子的文件系统已满（{path}），请加 --erase 重新运行",
        "the board's file system is full ({path}); run it with --erase",
    ),
    "differs": (
        26,
        "板子上的 {path} 与原文件不符，请重新运行",
        "{path} on the board is not what was sent; run it again",
    ),
    "on_board": (27, "板子报告错误：{error}", "the board says: {error}"),
    "old_python": (
        28,
        "镜像里的 MicroPython 不能运行本固件（字节码 {found}，需要 {wanted}）",
        "the image's MicroPython cannot run this firmware (bytecode {found}, {wanted} needed)",
    ),
    "no_compiler": (29, "编译固件失败：{error}", "the firmware could not be compiled: {error}"),
    "no_room": (
        30,
        "本机缺少 {room}，请更新软件；或用 --until {step}",
        "{room} is not installed here; update, or use --until {step}",
    ),
    "bench": (31, "工作台文件夹 {path} 不可用：{error}", "the bench folder {path} cannot be used: {error}"),
    "other_board": (
        32,
        "{port} 上已换成另一块板子（{mac}），请重新运行",
        "another board ({mac}) is on {port} now; run it again",
    ),
    "has_identity": (
        35,
        "终端 {device} 的凭证只在板上，擦了要申请 onekey stock reissue {device}；确要擦除请加 --erase-identity",
        "only the board has {device}'s credential; with --erase-identity it is gone: onekey stock reissue {device}",
    ),
    "unforeseen": (
        33,
        "程序出错（{what}），请重新运行；再出现就把日志交给管理员",
        "the program itself failed ({what}); run it again; if it stays, hand in the log",
    ),
}  # fmt: skip


class BenchError(Exception):
    """One thing that went wrong at the bench, told in two languages."""

    table: ClassVar[dict[str, tuple[int, str, str]]] = TEXTS

    def __init__(self, name: str, /, **values: object) -> None:
        self.name = name
        self.code, chinese, english = self.table[name]
        self.chinese, self.english = chinese.format(**values), english.format(**values)
        super().__init__(self.english)

    @property
    def line(self) -> str:
        """As it is shown."""
        return f"失败：{self.chinese} / failed: {self.english}"


def usage(chinese: str, english: str) -> BenchError:
    """Options that do not go together."""
    return BenchError("usage", chinese=chinese, english=english)
