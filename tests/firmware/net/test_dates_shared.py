"""The date for certificates: never before the build, kept over a reset only if a certificate stood for it."""

from firmware.hal.base import Nvs
from firmware.net import roots
from firmware.net.dates import Dates

NAME = "proven"
SAVE_S = 6 * 3_600

BUILD = 1_790_000_000


class Memory(Nvs):
    """Counts what is written."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.writes = 0

    def get(self, name: str) -> "bytes | None":
        return self.data.get(name)

    def set(self, name: str, data: bytes) -> bool:
        self.data[name] = data
        self.writes += 1
        return True

    def remove(self, name: str) -> None:
        self.data.pop(name, None)


class Bench:
    def __init__(self, nvs: Memory) -> None:
        self.nvs = nvs
        self.set: list[int] = []
        self.dates = Dates(nvs, self.set.append, BUILD)


def test_a_terminal_that_was_told_no_time_believes_its_build() -> None:
    """And what the network tells goes to whoever checks certificates, at once."""
    bench = Bench(Memory())
    bench.dates.told(BUILD + 5)
    assert bench.set == [BUILD, BUILD + 5]


def test_only_a_time_at_which_a_server_was_accepted_survives_a_reset() -> None:
    """A network's wrong word must not make every certificate look expired for ever."""
    nvs = Memory()
    bench = Bench(nvs)
    bench.dates.told(4_000_000_000)
    assert Bench(nvs).set == [BUILD]
    bench.dates.proven(BUILD + SAVE_S)
    assert Bench(nvs).set == [BUILD + SAVE_S]


def test_it_is_written_once_in_six_hours_at_most() -> None:
    """Storage wears; and an unset clock proves nothing."""
    bench = Bench(Memory())
    bench.dates.proven(None)
    for minute in range(0, 24 * 60, 10):
        bench.dates.proven(BUILD + minute * 60)
    assert bench.nvs.writes == 3


def test_what_the_storage_should_not_hold_is_not_believed() -> None:
    """Too early, too late, too short."""
    for data in (b"", b"\x01", b"\x00\x00\x00\x01", b"\xff\xff\xff\xff", b"123456789"):
        nvs = Memory()
        nvs.data[NAME] = data
        assert Bench(nvs).set == [BUILD]


def der(size: int) -> bytes:
    if size < 256:
        return b"\x30\x81" + bytes([size]) + bytes(size)
    return b"\x30\x82" + bytes([size >> 8, size & 255]) + bytes(size)


def test_roots_are_split_where_each_ends() -> None:
    """Two of ours, of either form of length."""
    one, two = der(200), der(370)
    assert roots.split(one + two) == [one, two]
    assert roots.split(b"") == []


def test_anything_else_is_no_root() -> None:
    """Cut anywhere, too many, too large, PEM."""
    one = der(300)
    bad = [one[:cut] for cut in range(1, len(one))] + [one * 4, der(1_100), b"-----BEGIN CERTIFICATE-----", one + b"x"]
    for data in bad:
        try:
            roots.split(data)
        except ValueError:
            continue
        raise AssertionError(data[:8])
