"""What a large fleet needs of the machine: open files, addresses to call from, and its share of them in each process.

Linux gives an address 28,000 ports towards one broker; on the loopback there are as many addresses as one likes.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

if sys.platform != "win32":
    import resource

SPARE_FILES = 64  # of Python itself, the sent file, standard input and output
FILES_MAX = 1_048_576  # the kernel's own bound as it is shipped
SOURCES = 6  # of a process: the terminals that fit one take no more, by 10,000 an address
_PART = "--part"


@dataclass(frozen=True)
class Share:
    """One process of several, from 0."""

    number: int = 0
    of_all: int = 1
    is_part: bool = False

    @classmethod
    def of(cls, text: str | None) -> Share:
        """`2/4`; nothing: all of it."""
        if text is None:
            return cls()
        number, _, of_all = text.partition("/")
        return cls(int(number) - 1, int(of_all), is_part=True)

    @property
    def first(self) -> bool:
        """Whose the fleet's first terminal is."""
        return not self.number

    def cut(self, passwords: dict[str, str | None]) -> dict[str, str | None]:
        """Its part of the fleet."""
        size = -(-len(passwords) // self.of_all)
        return dict(list(passwords.items())[self.number * size : (self.number + 1) * size])

    def part_of(self, amount: float) -> float:
        """Its part of a rate."""
        return amount / self.of_all


def raise_files() -> int:
    """Raise the soft limit to the hard one; how many files a process may open now. Our children inherit it."""
    if sys.platform == "win32":
        return FILES_MAX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return FILES_MAX if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def enough_files(terminals: int, processes: int) -> None:
    """Raise the limit as far as it goes. Raises ValueError where that is not far enough for all in each process."""
    lines, limit = -(-terminals // processes), raise_files()
    if limit < lines + SPARE_FILES:
        raise ValueError(
            f"{lines} terminals in one process need {lines + SPARE_FILES} open files, and the limit is {limit}:"
            f" raise it (ulimit -n), or spread them (--processes {-(-terminals // max(1, limit - SPARE_FILES))})"
        )


def commands(words: Sequence[str], processes: int) -> list[list[str]]:
    """Our own command line for each part."""
    mine = [sys.executable, "-m", "tools", *words, "--processes", "1", "--control"]
    return [[*mine, _PART, f"{number}/{processes}"] for number in range(1, processes + 1)]


def sources(broker: str, share: Share) -> tuple[str, ...]:
    """Addresses of the loopback for a broker there; none for any other: the machine's own is used."""
    address = ipaddress.ip_address(broker.partition("%")[0])
    if sys.platform != "linux" or address.version != 4 or not address.is_loopback:
        return ()
    first = int(ipaddress.ip_address("127.0.0.2")) + share.number * SOURCES
    return tuple(str(ipaddress.ip_address(first + each)) for each in range(SOURCES))


def rss_mb() -> float:
    """The most memory that this process had."""
    if sys.platform == "win32":
        return 0.0
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
