"""What provisioning refuses: a name, an exit code of its own, one line in Chinese and in English.

In: a name and its values. Out: an error as tools/board has them. Must never hold a password, a number or a whole ICCID.
"""

from __future__ import annotations

from tools.board.texts import BenchError

# name: (exit code, Chinese, English)
TEXTS: dict[str, tuple[int, str, str]] = {
    "no_reservation": (
        60,
        "本工作台没有预留编号，请先用 --reservation 装入",
        "this bench has no reservation; load one with --reservation",
    ),
    "used_up": (61, "预留编号已用完，请申请新的预留文件", "all reserved ids are used; ask for another reservation"),
    "bad_reservation": (62, "{path} 不是预留文件（{why}）", "{path} is no reservation ({why})"),
    "other_bench": (63, "预留文件属于工作台 {found}，本台是 {wanted}", "it is for bench {found}, this one is {wanted}"),
    "no_modem": (64, "通信模块没有应答，请检查供电", "the modem does not answer; check its supply"),
    "no_sim": (65, "读不到 SIM 卡，请重新插卡", "no SIM card can be read; put it in again"),
    "sim_not_in_stock": (
        66,
        "SIM 卡（尾号 {tail}）不在本台库存，请先导入并重新装入库存",
        "the SIM with the ICCID ending {tail} is not in this bench's stock: onekey sim import, then sim export",
    ),
    "other_identity": (
        67,
        "板子已是终端 {device}，不是本工作台发的编号，请送回登记处",
        "the board is {device} already, and that id is not this bench's; send it to the registry",
    ),
    "lost_password": (
        68,
        "终端 {device} 的凭证已不在板上，请申请 onekey stock reissue {device}",
        "the credential of {device} is gone from the board; ask for: onekey stock reissue {device}",
    ),
    "not_stored": (69, "写入后核对不符：{names}，请重新运行", "what was read back differs: {names}; run it again"),
    "sim_used": (
        70,
        "SIM 卡（尾号 {tail}）已装在终端 {device} 上，请核对",
        "the SIM with the ICCID ending {tail} is in {device} already; check it",
    ),
    "still_locked": (71, "解锁码不对", "not the code of this terminal"),
    "no_lock_answer": (
        72,
        "{port} 没有应答：控制台没有锁，或终端没有运行",
        "no answer on {port}: the console is not locked, or the terminal does not run",
    ),
    "no_firmware": (73, "板子上没有固件，请先运行 onekey flash", "no firmware on the board; run onekey flash first"),
    "clock": (
        74,
        "本机时间不对（比登记库的早），请校准",
        "this machine's clock is behind the reservation; set it",
    ),
    "not_destroyed": (
        75,
        "文件已装入，但 {path} 删不掉（{why}），请销毁它",
        "loaded, but {path} cannot be destroyed ({why}): destroy it by hand",
    ),
}  # fmt: skip


class ProvisionError(BenchError):
    """One thing that provisioning refuses."""

    table = TEXTS
