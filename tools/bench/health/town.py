"""An invented town: streets, communities, cells, batches, firmware, pools of cards. Pure: the same for the same seed.

Nobody lives there. Its streets are the registry's own, everything else is numbered.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

# A Monday's midnight in Shanghai, later than this machine's clock: weeks are made for it as they are in life.
START = datetime(2030, 3, 3, 16, 0, tzinfo=UTC)
START_S = int(START.timestamp())
DAY = 86_400
HOUR = 3_600

STREETS = (
    "110102001", "110102002", "110102007", "110102009", "110102010", "110102011", "110102012", "110102013",
    "110102014", "110102015", "110102016", "110102017", "110102018", "110102019", "110102020",
)  # fmt: skip
COMMUNITY_HOMES = 20  # at least, so that a community can have an outage of its own
POOLS = 6
FIRMWARES = ("2.0.1", "2.1.0", "2.1.3")
BATCHES = 5
ALONE = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminal:
    """One terminal, where it is and what it is made of."""

    number: int
    device: str
    epoch: str  # of its message ids
    street: str
    community: str
    cell: str
    batch: str
    firmware: str
    pool: str
    iccid: str
    imei: str
    alone: bool
    phase: float  # when in its interval it beats
    csq: int
    begins: float  # it is switched on, at its installation


def town(count: int, seed: int, beat_s: int) -> list[Terminal]:
    """So many terminals. Those of a community lie side by side, each on one of its one or two cells."""
    rnd = random.Random(f"town {seed}")
    communities = max(4, min(count // COMMUNITY_HOMES, count // 60 + 4))
    streets = STREETS[: max(2, min(len(STREETS), communities // 2))]
    cells = [_cells(number) for number in range(communities)]
    made = []
    for number in range(count):
        place = number * communities // count
        made.append(
            Terminal(
                number=number,
                device=f"BJXC{number:06d}",
                epoch=f"{rnd.getrandbits(32):08x}",
                street=streets[place * len(streets) // communities],
                community=f"第{place + 1}社区",
                cell=rnd.choice(cells[place]),
                batch=f"B{number % BATCHES + 1:02d}",
                firmware=rnd.choice(FIRMWARES),
                pool=f"共享池{rnd.randrange(POOLS) + 1}",
                iccid=f"8986{number:015d}",
                imei=f"86{number:013d}",
                alone=rnd.random() < ALONE,
                phase=rnd.random() * beat_s,
                csq=rnd.randint(16, 28),
                begins=HOUR + rnd.random() * 5 * HOUR,
            )
        )
    return made


def _cells(place: int) -> list[str]:
    """Every second community has a cell of its own; each pair shares another one."""
    shared = f"10A2-{0x5000 + place // 2:04X}"
    return [shared, f"10A2-{0x6000 + place:04X}"] if place % 2 else [shared]
