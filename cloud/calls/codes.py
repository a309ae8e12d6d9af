"""The calls room's own lists, with the words that the desk reads. A code is stored: never reused, never renamed."""

from __future__ import annotations

# What a binding may name besides a service of the providers room.
DESK, FAMILY, STATION, AMBULANCE = "desk", "family", "station", "ambulance"

# How grave a case is. A case whose press has not arrived yet is an emergency until the press says otherwise.
EMERGENCY, SERVICE, TEST = "emergency", "service", "test"
URGENCIES = {EMERGENCY: "紧急", SERVICE: "服务", TEST: "测试"}

# Facts of a case (cloud/migrations/0003_calls.sql says what each holds).
PRESS, ROUTED, STEP, CANCELLED, EXHAUSTED = "press", "routed", "step", "cancelled", "exhausted"
ESCALATED, ACCEPTED, ON_THE_WAY, DISPOSED, CLOSED = "escalated", "accepted", "on_the_way", "disposed", "closed"

# What the case turned out to be: given by a person when it is closed, never guessed.
DISPOSITIONS = {
    "FALL": "跌倒",
    "HEART": "胸痛或心脏不适",
    "ASSIST": "需要协助",
    "STATUS": "催问进度",
    "FCIR": "转客服",
    "ACC": "误触",
    "PTEST": "测试",
    "NORESP": "接通后无应答",
    "NORING": "未振铃",
    "DROP": "掉线",
    "NOSETUP": "未安装登记",
    "DEVICE": "设备故障",
    "FAMILY": "家属代答",
    "UNKNOW": "其他",
}

# What was done about it: a question of its own.
OUTCOMES = {
    "ANSWERED": "电话已解决",
    "SENT": "已派人上门",
    "AMBULANCE": "已由120处置",
    "CONTACT": "已告知联系人",
    "WITHDRAWN": "派遣已取消",
    "NONE": "无需处置",
}

STATES = {
    "pressed": "已按键",
    "routed": "已派线",
    "dialling": "拨号中",
    "ringing": "振铃中",
    "talking": "通话中",
    "ended": "通话结束",
    "failed": "未接通",
    "disposed": "已处置",
    "closed": "已结案",
}

# Words that name a key only by its place; a household's binding says what it does.
KEYS = {"sos": "紧急呼叫", **{f"k{number}": f"服务键{number}" for number in range(1, 10)}}

CAUSES = {
    "remote_hangup": "对方挂断",
    "local_hangup": "本机挂断",
    "busy": "占线",
    "no_answer": "无人接听",
    "no_carrier": "网络未接通",
    "no_dialtone": "无拨号音",
    "rejected": "被拒接",
    "no_registration": "无信号",
    "no_sim": "无SIM卡",
    "modem_error": "通信模块故障",
    "modem_reset": "通信模块重启",
    "terminal_reset": "终端重启",
    "preempted": "被紧急呼叫抢占",
    "accepted": "已有人受理",
    "timeout": "超时",
}

ESCALATIONS = {0: "值班坐席", 1: "全体坐席", 2: "值班主管"}
