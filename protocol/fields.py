"""What each kind of message holds: one table per kind, read by messages.py, the schema and the README check.

A field is (name, type, need, a, b), and the comment behind it says what it means:
  type  int: a..b inclusive | text: a..b characters, none of them a control character | ascii: a..b printable ASCII
        characters without quote and backslash | code: a names the list in codes.py | id | flag: 0 or 1
        digits: a..b characters 0-9 | day: YYYY-MM-DD | ids, numbers, ladder, pairs: a..b entries of a list
        plan, table: a..b entries of an object
        (checks.py has the rule of each type)
  need  "must" | "null" (must be there, may be null) | "may" (may be absent or null; absent and null mean the same)
Literals and constants of this file only: such a table stays in the terminal's flash, any other would take its RAM.
Order is the order on the wire. New fields are appended as "may": old readers ignore what they do not know.
"""

from protocol import const

TYPE_CHECKING = False
if TYPE_CHECKING:  # true for the type checker only: MicroPython has no subscripted types
    Field = tuple[str, str, str, int | str | None, int | None]

MS_MAX = const(9_007_199_254_740_991)  # 2**53 - 1: exact in every JSON reader; 285,000 years of uptime
SECONDS_MAX = const(4_294_967_295)  # 32 bits of epoch seconds, the year 2106
COUNT_MAX = const(999_999_999)
LABEL_CHARS_MAX = const(12)  # fits a key legend, and a rung of a ladder into a config of nine keys
_TEXT_CHARS_MAX = const(32)  # a label or a name in an event; longer stories belong to the console
_REASON_CHARS_MAX = const(32)  # leaves room for _PAIRS_MAX figures in the same result
_CASE_CHARS_MAX = const(36)  # a UUID with hyphens
_WHO_CHARS_MAX = const(16)  # leaves room for the rest of a short message, which has 70 characters
# A message takes up to a minute, and nobody can be called on a modem with one channel meanwhile.
SMS_NUMBERS_MAX = const(5)
LADDER_RUNGS_MAX = const(8)  # three cycles of eight rungs of 30 s are 12 minutes of dialling
RECEIPT_IDS_MAX = const(40)  # 40 of 29 bytes each fit one down payload
NUMBER_CHARS_MIN = const(2)
NUMBER_CHARS_MAX = const(20)
RING_S_MIN = const(5)  # one ring cycle
RING_S_MAX = const(90)  # the longest that a network rings
_CONFIG_TIMES_MAX = const(16)
_ARGS_MAX = const(8)
_PAIRS_MAX = const(8)  # with every other field of a result at its largest, they still fit the up payload
NAME_CHARS_MAX = const(12)  # names in pairs, tables and arguments
ARG_CHARS_MAX = const(200)  # an update's address or hash

COMMON_UP = (
    ("v", "int", "must", 1, 1),  # protocol version
    ("id", "id", "must", None, None),  # identifies the message for as long as its kind is stored
    ("t", "int", "null", 0, SECONDS_MAX),  # device time of the event, s since 1970 UTC; null: clock never set
    ("u", "int", "must", 0, MS_MAX),  # uptime of the event, ms since start, never wraps
    ("s", "int", "null", 0, MS_MAX),  # uptime at this send, ms; null: the event is of an earlier boot
)

UP: "dict[str, tuple[Field, ...]]" = {
    "boot": (
        ("imei", "digits", "may", 15, 15),  # of the modem
        ("iccid", "digits", "may", 19, 20),  # of the SIM, without a trailing F
        ("imsi", "digits", "may", 6, 15),  # of the SIM
        ("board", "ascii", "must", 1, 16),  # board file
        ("fw", "ascii", "must", 1, 24),  # firmware version
        ("modem", "ascii", "may", 1, 40),  # modem firmware
        ("cfg", "int", "must", 0, COUNT_MAX),  # version of the configuration in force, 0: shipped defaults
        ("cause", "code", "must", "RESET_CAUSES", None),  # why it started
    ),
    "press": (
        ("key", "code", "must", "KEYS", None),  # which key
        ("hold", "int", "must", 0, 600_000),  # ms from the press to the decision that it fires
        ("how", "code", "must", "HOWS", None),  # how it was worked
        ("ref", "id", "may", None, None),  # cancel only: the press that it takes back
    ),
    "call": (
        ("ref", "id", "may", None, None),  # the press that is being answered; absent for an incoming call without one
        ("case", "ascii", "may", 1, _CASE_CHARS_MAX),  # the cloud's case, if told
        ("dir", "code", "may", "DIRECTIONS", None),  # absent: out
        ("step", "code", "must", "STEPS", None),  # what happened
        ("to", "text", "may", 1, LABEL_CHARS_MAX),  # label of the target
        ("rung", "int", "may", 0, LADDER_RUNGS_MAX - 1),  # place in the ladder, from 0
        ("cycle", "int", "may", 0, 99),  # round of the ladder, from 0
        ("dur", "int", "may", 0, 86_400),  # s of talk, with end
        ("cause", "code", "may", "CAUSES", None),  # why, with end and fail
        ("src", "code", "may", "SOURCES", None),  # where the ladder came from
        ("ver", "int", "may", 0, COUNT_MAX),  # version of that route or of the configuration with the stored plan
    ),
    "event": (
        ("ev", "code", "must", "EVENTS", None),  # what happened
        ("val", "int", "may", -COUNT_MAX, COUNT_MAX),  # meaning by event, see codes
        ("txt", "text", "may", 1, _TEXT_CHARS_MAX),  # meaning by event, see codes
        ("ref", "id", "may", None, None),  # the press it belongs to
    ),
    "day": (
        ("day", "day", "must", None, None),  # the Shanghai day that ended
        ("on", "int", "must", 0, 1440),  # minutes powered
        ("reg", "int", "must", 0, 1440),  # minutes registered for voice
        ("beats", "int", "must", 0, 99_999),  # heartbeats tried
        ("presses", "int", "must", 0, 99_999),  # keys fired
        ("answered", "int", "must", 0, 99_999),  # calls that reached talk
        ("stuck", "int", "must", 0, 99_999),  # times a key was found stuck
        ("faults", "int", "must", 0, 99_999),  # fault events raised
    ),
    "result": (
        ("cid", "ascii", "must", 1, 16),  # the command answered
        ("st", "code", "must", "RESULTS", None),  # how it ended
        ("why", "ascii", "may", 1, _REASON_CHARS_MAX),  # reason in words, not with done
        ("vals", "pairs", "may", 0, _PAIRS_MAX),  # figures of the answer: [[name, integer], ...]
    ),
    "hb": (
        ("bat", "int", "null", 0, 10_000),  # battery, mV
        ("pct", "int", "may", 0, 100),  # battery, percent
        ("mains", "flag", "null", None, None),  # 1: on mains
        ("csq", "int", "must", 0, 99),  # signal 0..31, 99 unknown
        ("reg", "int", "must", 0, 5),  # voice registration, +CREG stat
        ("net", "code", "must", "NETWORKS", None),  # network type
        ("cell", "ascii", "may", 1, 24),  # lac-ci in hex as the modem tells them
        ("temp", "int", "may", -60, 120),  # board, degrees Celsius
        ("heap", "int", "must", 0, 99_999_999),  # free heap, bytes
        ("box", "int", "must", 0, 99_999),  # receipted messages waiting
        ("drops", "int", "must", 0, COUNT_MAX),  # receipted messages ever dropped
        ("call", "flag", "must", None, None),  # 1: a call is up or being set up
        ("cfg", "int", "must", 0, COUNT_MAX),  # version of the configuration in force
        ("rtt", "int", "may", 0, 600_000),  # last ping, ms
        ("test", "int", "may", 0, 65_535),  # bit mask of failed self-test parts, 0 all well
        ("missed", "int", "may", 0, COUNT_MAX),  # heartbeats not sent since the last one that was
    ),
    "state": (
        ("st", "code", "must", "STATES", None),  # offline is the will; its t, u are those of the CONNECT
    ),
}

COMMON_DOWN = (
    ("v", "int", "must", 1, 1),  # protocol version
)

DOWN: "dict[str, tuple[Field, ...]]" = {
    "receipt": (
        ("of", "ids", "must", 1, RECEIPT_IDS_MAX),  # ids committed in the database
    ),
    "route": (
        ("ref", "id", "must", None, None),  # the press it answers
        ("case", "ascii", "must", 1, _CASE_CHARS_MAX),  # the cloud's case
        ("ver", "int", "must", 0, COUNT_MAX),  # version of this route within the case
        ("plan", "ladder", "must", 1, LADDER_RUNGS_MAX),  # who to dial: [[label, number, ring s, staffed 0/1], ...]
        ("exp", "int", "must", 0, SECONDS_MAX),  # not to be acted on after, s since 1970 UTC
    ),
    "desk": (
        ("ref", "id", "must", None, None),  # the press it answers
        ("st", "code", "must", "DESK_STATES", None),  # what a person at the desk did
        ("exp", "int", "must", 0, SECONDS_MAX),  # not to be acted on after, s since 1970 UTC
    ),
    "config": (
        ("ver", "int", "must", 1, COUNT_MAX),  # version of this configuration
        ("hb", "int", "must", 60, 86_400),  # s between heartbeats
        # Every key but cancel.
        ("plan", "plan", "must", 1, 10),  # {key: ladder, ...}: the stored plan
        ("vol", "int", "may", 0, 100),  # loudspeaker
        ("ring", "int", "may", 0, 100),  # ringer and tones
        ("allow", "numbers", "may", 0, 12),  # callers who may ring through
        ("back", "int", "may", 0, 240),  # minutes after an SOS in which an allowed caller is answered by itself
        ("times", "table", "may", 0, _CONFIG_TIMES_MAX),  # {name: ms or count}, see the rules below
        ("srv", "ascii", "may", 3, 80),  # host:port of the broker, for a move to another platform
        ("apn", "ascii", "may", 1, 60),  # access point
        ("sms", "numbers", "may", 0, SMS_NUMBERS_MAX),  # who gets a short message; absent: the mobiles of the plan
        ("who", "text", "may", 1, _WHO_CHARS_MAX),  # how the short message names the home
        ("em112", "flag", "may", None, None),  # 1: an SOS without SIM or registration dials 112 too
    ),
    "cmd": (
        ("cid", "ascii", "must", 1, 16),  # names the command; its result carries it
        ("do", "code", "must", "COMMANDS", None),  # what to do
        ("args", "table", "may", 0, _ARGS_MAX),  # {name: integer or text}
        ("exp", "int", "must", 0, SECONDS_MAX),  # not to be begun after, s since 1970 UTC
    ),
}

COMMON: "dict[str, tuple[Field, ...]]" = {"up": COMMON_UP, "down": COMMON_DOWN}
KINDS: "dict[str, dict[str, tuple[Field, ...]]]" = {"up": UP, "down": DOWN}

# Limits of a whole message. Up: the PUBLISH with its topic fits one TLS record in one SIM800 send of 512 bytes.
UP_PUBLISH_BYTES_MAX = const(480)
# Fixed header 3, topic length 2, the longest up topic 37 (`okc/v1/up/result/` and 20 characters), packet id 2.
UP_OVERHEAD_BYTES = const(44)
PAYLOAD_BYTES_MAX = {"up": UP_PUBLISH_BYTES_MAX - UP_OVERHEAD_BYTES, "down": 1400}


def fields_of(direction: str, kind: str) -> "tuple[Field, ...]":
    """The fields of a kind, common ones first, in wire order."""
    return COMMON[direction] + KINDS[direction][kind]
