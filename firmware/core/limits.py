"""Every configurable time and count of the terminal, with its hard bounds.

In: the `times` table of a configuration (or None). Out: the value in force. Times that nobody may set are here too.
A configuration may tune within the bounds; it can never make a key dead or a ladder endless.
"""

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
}

# Of the ladder, not configurable.
SETUP_MS = 20_000  # the manual's longest time from ATD to its first answer
HANGUP_MS = 3_000  # after that the next dial goes out whatever the modem says
ANSWER_MS = 10_000  # from ATA to an active call
GAP_MS = 2_000  # after a fault of the modem itself, so that a dead modem does not eat the ladder in a second
RESTART_AFTER_MS = 45_000  # without registration; a cold start takes 10 to 30 s, and a restart throws that away
SLOW_TRIES = 30  # attempts at `slow_retry` after the last cycle, then one in SLOWEST_MS, for the battery's sake
SLOWEST_MS = 300_000
DESK_SHOWN_MS = 4 * 3_600_000  # the desk's word stays on the lamp until it says `closed`, at the longest this


def limit(times: dict[str, int] | None, name: str) -> int:
    """The value of one entry: configured, then forced into its bounds; the default where it is absent or no integer."""
    default, low, high = TABLE[name]
    value = times.get(name) if isinstance(times, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return default
    return min(max(value, low), high)
