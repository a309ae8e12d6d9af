"""Words that the desk reads for what terminals and facts say in codes."""

from __future__ import annotations

CONTACTS = {
    "never_seen": "从未上线",
    "online": "在线",
    "in_call": "呼叫中",
    "late": "心跳延迟",
    "silent_30m": "失联30分钟以上",
    "silent_24h": "失联24小时以上",
    "silent_72h": "失联72小时以上",
    "paused": "暂停",
    "retired": "停用",
}

# A sign beside every colour: who cannot tell the colours reads the sign.
CONTACT_SIGNS = {
    "never_seen": "○",
    "online": "●",
    "in_call": "☎",
    "late": "◐",
    "silent_30m": "▲",
    "silent_24h": "▲",
    "silent_72h": "▲",
    "paused": "‖",
    "retired": "×",
}

FAULTS = {
    "mains_lost": "停电",
    "battery_low": "电量低",
    "battery_critical": "电量极低",
    "battery_absent": "无电池",
    "voice_lost": "无通话信号",
    "data_lost": "数据中断",
    "sim_absent": "无SIM卡",
    "sim_changed": "SIM卡更换",
    "modem_silent": "通信模块无响应",
    "modem_refuses_mux": "通信模块单通道",
    "under_voltage": "电压不足",
    "key_stuck": "按键卡住",
    "audio_fault": "音频故障",
    "selftest_failed": "自检未通过",
    "clock_unset": "时钟未校准",
    "storage_damaged": "存储损坏",
    "outbox_full": "待发记录已满",
    "tamper_open": "外壳被打开",
    "temperature_high": "温度过高",
    "server_refused": "服务器拒绝",
}

# Events that are neither a fault nor its end.
EVENTS = {
    "call_missed": "来电未接",
    "call_refused": "来电被拒绝",
    "config_applied": "配置已生效",
    "config_refused": "配置被拒绝",
    "console_unlocked": "调试口已解锁",
    "ladder_cancelled": "呼叫被取消",
    "ladder_exhausted": "呼叫目标均未接通",
    "ladder_outdated": "呼叫方案过期",
    "message_refused": "收到不合格的下行消息",
    "modem_restarted": "通信模块重启",
    "sms_failed": "短信未发出",
    "sms_sent": "短信已发出",
    "test_due": "该做按键测试",
    "update_accepted": "新程序确认可用",
    "update_failed": "程序升级失败",
    "update_installed": "新程序已写入",
    "update_interrupted": "程序升级中断",
    "update_started": "程序升级开始",
}
REBOOTS = {
    "power": "上电",
    "soft": "程序重启",
    "watchdog": "看门狗",
    "brownout": "电压跌落",
    "crash": "程序崩溃",
    "command": "远程指令",
    "update": "程序升级",
    "unknown": "原因不明",
}
REGISTRATIONS = {0: "未注册", 1: "已注册", 2: "搜索中", 3: "被拒绝", 4: "未知", 5: "已注册（漫游）"}

# Why a message went to quarantine: protocol.errors.REASONS, and what ingest adds to them.
REFUSALS = {
    "topic": "主题格式不符",
    "kind": "未知的消息种类",
    "size": "消息过长",
    "text": "不是 UTF-8 文本",
    "json": "不是 JSON",
    "shape": "不是 JSON 对象",
    "version": "协议版本不符",
    "missing": "缺少必填项",
    "type": "字段类型不符",
    "range": "字段超出范围",
    "value": "字段取值不在列表内",
    "foreign": "引用了其他终端的呼叫",
    "unknown_device": "终端未登记",
    "refused": "数据库拒绝其内容",
    "internal": "平台内部错误（我方故障）",
}

# Processes of ours, and the two lanes of ingest, as /ops names them.
PROCESSES = {
    "ingest": "按键与事件接入",
    "beats": "心跳接入",
    "send": "下行发送",
    "sweep": "定时任务",
    "web": "页面",
}

COUNTS = {
    "stored": "已入库",
    "duplicate": "重复",
    "late": "迟到",
    "redelivered": "代理重投",
    "id_clash": "编号冲突",
    "quarantined": "已隔离",
    "retries": "重试",
    "batches": "批次",
    "acked": "已确认",
    "clock_steps": "时钟被调整",
    "sent": "已发送",
    "expired": "过期未发",
    "unreadable": "无法解密",
    "restarts": "重新连接",
    "escalated": "升级",
    "failed": "任务失败",
    "retired": "清理",
    "findings_opened": "新发现",
    "findings_closed": "已恢复",
    "looks_failed": "体检失败",
    "carrier_reads": "读 SIM 平台",
    "carrier_failed": "未读完",
    "carrier_skipped": "读出的坏条目",
    "mails_sent": "已发邮件",
    "mails_failed": "邮件未发出",
    "requests": "请求",
    "refused": "拒绝",
    "errors": "出错",
}

# Which of them a process is shown with; the rest is in /metrics.
_DOOR = ("stored", "acked", "duplicate", "late", "redelivered", "id_clash", "quarantined", "retries")
COUNTED = {
    "ingest": _DOOR,
    "beats": (*_DOOR, "batches"),
    "send": ("sent", "expired", "unreadable", "restarts"),
    "sweep": (
        "escalated",
        "retired",
        "findings_opened",
        "findings_closed",
        "looks_failed",
        "carrier_reads",
        "carrier_failed",
        "carrier_skipped",
        "mails_sent",
        "mails_failed",
        "failed",
    ),
    "web": ("requests", "refused", "errors"),
}
