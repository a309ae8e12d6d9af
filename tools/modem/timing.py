"""How long a SIM800 takes, in seconds; `--speed` divides all of it.

Orders of magnitude from the vendor's manual and common boards, not measured on a network of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

# The longest time that the manual gives a command, in seconds of modem time. `+CIPSTART` answers at once and holds no
# channel: that is how long its connection may take, one alone or one of several.
LONGEST_S = {
    "+CIICR": 85.0,
    "+CIPSHUT": 65.0,
    "+CGATT": 75.0,
    "+CMGS": 60.0,
    "D": 20.0,
    "A": 20.0,
    "H": 20.0,
    "+CIMI": 20.0,
    "+CFUN": 10.0,
    "+CPIN": 5.0,
    "+CMGR": 5.0,
    "+CMGD": 25.0,
}
CONNECT_LONGEST_S, CONNECT_LONGEST_MULTIPLE_S = 160.0, 75.0
BEHIND_PROMPT = frozenset({"+CMGS"})  # the wait comes after the payload, not before the prompt


@dataclass(frozen=True)
class Timing:
    """Seconds of modem time."""

    # After power-on; a driver may send from RDY on.
    rdy: float = 3.0
    cfun: float = 3.2
    sim: float = 4.0
    call_ready: float = 6.0
    sms_ready: float = 7.5
    # Between one reset and the next start.
    power_gap: float = 0.8
    # From a SIM and a network until `+CREG: 1`, and from there until the packet service is attached.
    register: float = 3.0
    attach: float = 1.5
    attach_failure: float = 5.0
    power_down: float = 0.5
    # A call: ATD accepted, then the other phone rings.
    dial: float = 0.3
    setup: float = 2.0
    hang_up: float = 0.2
    pick_up: float = 0.3
    tone: float = 0.1
    # Data.
    shut: float = 0.5
    bearer: float = 2.0
    round_trip: float = 0.3
    resolve: float = 0.5
    # An SMS until the centre has it.
    sms: float = 2.0
