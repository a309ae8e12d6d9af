"""Every configurable time and count of the terminal, with its hard bounds.

In: the `times` table of a configuration (or None). Out: the value in force. Times that nobody may set are here too.
A configuration may tune within the bounds; it can never make a key dead or a ladder endless.
"""

from protocol import const

# name: (default, lowest, highest)
TABLE = {
    "sos_hold": (700, 600, 1_000),  # ms until a held SOS fires: a sleeve brushes past in less
    "tap_window": (2_000, 1_500, 3_000),  # ms from the first to the third tap of panic tapping
    "key_hold": (1_500, 1_000, 3_000),  # ms after which another key fires although it is still held
    "publish_wait": (3_000, 0, 3_000),  # ms that the dial may wait for a route while data is up
    "listen": (3_000, 0, 5_000),  # ms after a call for the desk's word, which no call lets through, while data is up
    "cycles": (3, 1, 5),  # rounds of the ladder at full speed
    "talk_min": (10_000, 8_000, 20_000),  # ms of talk below which a call counts as not answered
    "slow_retry": (60_000, 30_000, 120_000),  # ms between attempts after the last cycle
    "test_days": (7, 1, 28),  # days between two self-tests
}

# Of one dial, not configurable. Each bound leaves room for those above it: who knows less waits longer.
ATD_MS = const(20_000)  # the manual's longest time from ATD to its first answer
CLEAR_MS = const(3_000)  # the driver's, for hanging up and looking: after a call, and before a dial of a line in doubt
HANGUP_MS = CLEAR_MS  # the ladder's, for a hang-up that it ordered: then the next dial goes out whatever the modem says
# The ladder's, from its order on: the line is cleared, ATD takes its longest, and the order may have to wait for the
# end of the hang-up before it: one aborted dial (1 s) and a modem that is asked three times whether it listens.
SETUP_MS = const(CLEAR_MS + ATD_MS + 3_000)
DIAL_MS = SETUP_MS + 2_000  # the driver's, with an ATD that has left: the ladder decides first, for it knows what to do
ANSWER_MS = 10_000  # from ATA to an active call
# How long a modem may answer no question about a call. Muteness is found by questions 2 s apart.
MUTE_RING_MS = 8_000  # nobody talks yet: nothing is lost by a new start but what this costs the elder
MUTE_DIAL_MS = 15_000  # ATD has no result: the manual lets it be silent for 20 s, but not the channels beside it
MUTE_TALK_MS = 30_000  # somebody may be talking, and only the line between modem and terminal is cut
TALK_LOST_MS = 45_000  # a talk of which the ladder hears so long nothing is over, whatever the driver's books say
TALK_DOUBT_MS = 4_000  # four questions unanswered: from then on the elder hears the tone of a call that is being made
# Of the ladder, not configurable.
LAST_WORD_MS = 5_000  # a press so shortly before the end of a talk is one after it: modems tell an end up to 4 s late
AGAIN_MS = 5_000  # from the end of a call to the next for the same number: 3 to 7 s are usual, a busy line needs them
CYCLE_MS_MIN = 20_000  # busy tones end cycles in seconds: who is busy now may hang up within this, three times
GAP_MS = 2_000  # after a fault of the modem itself, so that a dead modem does not eat the ladder in a second
RESTART_AFTER_MS = 45_000  # without registration; a cold start takes 10 to 30 s, and a restart throws that away
EM112_AFTER_MS = 20_000  # without registration, and with a SIM: the usual search for a cell is over by then
TEXT_FAULTS = 2  # calls in a row that fail in modem or network, not at their target: a message may still get through
TEXT_ROOM_MS = 20_000  # what a modem with one channel gives to messages between two cycles: five take about that
TEXT_PATIENCE_MS = 15_000  # how long a message waits for a call to go beside before it goes between two
SLOW_TRIES = 30  # attempts at `slow_retry` after the last cycle, then one in SLOWEST_MS, for the battery's sake
SLOWEST_MS = const(300_000)
DESK_SHOWN_MS = 4 * 3_600_000  # the desk's word stays on the lamp until it says `closed`, at the longest this


def limit(times: dict[str, int] | None, name: str) -> int:
    """The value of one entry: configured, then forced into its bounds; the default where it is absent or no integer."""
    default, low, high = TABLE[name]
    value = times.get(name) if isinstance(times, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return default
    return min(max(value, low), high)
