"""Every code on the wire, and the states of a case. A code is never reused and never changes its meaning.

Plain tuples of literals, which stay in flash: MicroPython has no enum. Unknown codes are refused by `messages.decode`,
so a new code needs a firmware and a cloud that both know it (see README, "How to add a code").
"""

VERSION = 1

# Keys of the terminal: the red key, nine bindable keys, and cancel.
KEYS: tuple[str, ...] = ("sos", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "cancel")

# How a key was worked. `test` is a press that the technician or the campaign asked for: never an emergency.
HOWS: tuple[str, ...] = ("short", "hold", "triple", "test")

# Steps of one attempt to reach one target. `talk` comes only from the modem's own report of an active call.
STEPS: tuple[str, ...] = ("dial", "ring", "talk", "end", "fail")

DIRECTIONS: tuple[str, ...] = ("out", "in")

# Why an attempt ended (`end` after talk, `fail` without).
CAUSES: tuple[str, ...] = (
    "remote_hangup",
    "local_hangup",  # the user pressed cancel, or the same key again
    "busy",
    "no_answer",
    "no_carrier",  # the network gave up without a reason
    "no_dialtone",
    "rejected",
    "no_registration",
    "no_sim",
    "modem_error",
    "modem_reset",  # the modem restarted under the call
    "terminal_reset",  # the terminal restarted under the call
    "preempted",  # SOS took the line
    "accepted",  # a human accepted by key or at the desk: the ladder is over
    "timeout",  # no report from the modem within the bound
)

# Where the ladder that is being dialled came from.
SOURCES: tuple[str, ...] = ("route", "stored")

# Why the terminal started.
RESET_CAUSES: tuple[str, ...] = ("power", "soft", "watchdog", "brownout", "crash", "command", "update", "unknown")

# Conditions: (fault, its restore twin). `val` of the restore is the duration in seconds where known.
FAULTS: tuple[tuple[str, str], ...] = (
    ("mains_lost", "mains_back"),
    ("battery_low", "battery_ok"),
    ("battery_critical", "battery_recovered"),
    ("battery_absent", "battery_present"),
    ("voice_lost", "voice_back"),  # registration for calls
    ("data_lost", "data_back"),  # GPRS or MQTT
    ("sim_absent", "sim_back"),
    ("sim_changed", "sim_settled"),
    ("modem_silent", "modem_back"),
    ("modem_refuses_mux", "modem_accepts_mux"),
    ("under_voltage", "voltage_ok"),
    ("key_stuck", "key_free"),  # `txt`: the key
    ("audio_fault", "audio_ok"),
    ("selftest_failed", "selftest_passed"),  # `val`: bit mask of SELFTEST_PARTS
    ("clock_unset", "clock_set"),
    ("storage_damaged", "storage_ok"),
    ("outbox_full", "outbox_drained"),  # `val`: entries dropped so far
    ("tamper_open", "tamper_closed"),
    ("temperature_high", "temperature_ok"),
    ("server_refused", "server_accepted"),  # broker or certificate said no; `txt`: which
)

# Happenings that have no restore.
NOTICES: tuple[str, ...] = (
    "modem_restarted",  # an `RDY` nobody asked for; `val`: supply in mV
    "config_applied",  # `val`: version
    "config_refused",  # `val`: version, `txt`: reason
    "update_started",
    "update_installed",
    "update_accepted",
    "update_interrupted",
    "update_failed",  # `txt`: reason
    "sms_sent",  # `txt`: label, `ref`: the press, `val`: at which try
    "sms_failed",  # given up; `txt`: label, `ref`: the press, `val`: tries
    "ladder_exhausted",  # every rung of every cycle tried, nobody answered; `ref`: the press
    "ladder_cancelled",  # the user ended the alarm; `ref`: the press
    "ladder_outdated",  # an alarm from hours before a power cut was not taken up again; `ref`: the press
    "call_missed",  # an allowed caller rang and was not answered; `txt`: label
    "call_refused",  # a caller who is not allowed rang
    "test_due",  # the spoken reminder of the monthly test was played
    "console_unlocked",
    "message_refused",  # a message broke the contract; `txt`: the reason, after `own <kind>: ` for one of its own
)


def choices(name: str) -> tuple[str, ...]:
    """The list of codes with that name. EVENTS are the faults, their restores and the notices."""
    if name != "EVENTS":
        found: tuple[str, ...] = globals()[name]
        return found
    # Put together only while somebody asks: sixty more words in RAM are much for a terminal.
    return tuple(sorted([event for pair in FAULTS for event in pair] + list(NOTICES)))


# Bits of `selftest_failed` and of the heartbeat's `test`.
SELFTEST_PARTS: tuple[str, ...] = (
    "modem",
    "sim",
    "voice",
    "data",
    "battery",
    "keys",
    "mic",
    "speaker",
    "storage",
    "clock",
)

# Registration for calls as the modem tells it (3GPP 27.007 +CREG <stat>).
REGISTRATIONS: tuple[int, ...] = (0, 1, 2, 3, 4, 5)

NETWORKS: tuple[str, ...] = ("gsm", "lte_m", "nb_iot", "lte", "none", "unknown")

STATES: tuple[str, ...] = ("online", "offline")

DESK_STATES: tuple[str, ...] = ("accepted", "on_the_way", "closed")

COMMANDS: tuple[str, ...] = ("selftest", "reboot", "callback", "report", "ota")

RESULTS: tuple[str, ...] = ("done", "failed", "refused", "expired", "unknown")

# Life of a case, a pure function of its facts (cloud/calls/rules.py).
CASE_STATES: tuple[str, ...] = (
    "pressed",
    "routed",
    "dialling",
    "ringing",
    "talking",
    "ended",
    "failed",
    "disposed",
    "closed",
)

# What the lamp shows. One pattern per state; firmware/core/indicator.py holds the blink times.
LAMPS: tuple[str, ...] = (
    "off",
    "starting",
    "ready",
    "no_data",  # keys dial from the stored plan
    "no_voice",  # no registration: a press cannot dial now
    "pressed",  # feedback of the key itself
    "calling",
    "ringing",
    "talking",
    "accepted",  # the desk's own word: a person has taken the case
    "on_the_way",
    "nobody",  # the ladder is exhausted; it goes on by SMS and desk
    "fault",
)

BEEPS: tuple[str, ...] = (
    "key",
    "sos",
    "calling",
    "ringing",
    "answered",
    "accepted",
    "ended",
    "busy",
    "nobody",
    "cancelled",
    "no_network",
    "low_battery",
    "siren",  # no SIM: whoever is near must hear it
)

# Receipted kinds are kept by the terminal until a receipt names their id.
RECEIPTED_KINDS: tuple[str, ...] = ("boot", "press", "call", "event", "day", "result")
UP_KINDS: tuple[str, ...] = ("boot", "press", "call", "event", "day", "result", "hb", "state")
DOWN_KINDS: tuple[str, ...] = ("receipt", "route", "desk", "config", "cmd")
RETAINED_KINDS: tuple[str, ...] = ("state",)
