"""Nothing gets onto a bench that is not a whole image for the terminal's chip."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.stock import record
from tests.tools.board import an_image
from tools.board import bench as benches
from tools.board import bundle, espimage, images
from tools.board.texts import BenchError

WHOLE = an_image.image(size=600)


def refused(bench: benches.Bench, data: bytes, name: str, sha256: str = "") -> str:
    file = bench.folder / "x.bin"
    file.write_bytes(data)
    with pytest.raises(BenchError) as told:
        images.add(bench, file, sha256)
    assert told.value.name == name
    assert images.listing(bench) == []
    return told.value.line


def test_a_name_is_one_that_signed_records_can_hold(bench: benches.Bench, tmp_path: Path) -> None:
    """A browser's second download, a folder's Chinese name."""
    for name in ("ESP32_GENERIC (1).bin", "固件.bin"):
        (tmp_path / name).write_bytes(WHOLE)
        added = images.add(bench, tmp_path / name)
        record.check_image({"name": added.name, "sha256": added.sha256, "kind": added.kind})


@pytest.fixture
def bench(tmp_path: Path) -> benches.Bench:
    """Empty."""
    return benches.find(tmp_path / "bench")


def test_chip_version_kind_and_need_are_read_from_the_file(bench: benches.Bench) -> None:
    """An official one is for trials, one with our program in it for homes."""
    for kind, data in (("trial", WHOLE), ("home", an_image.image(home=True))):
        file = bench.folder / f"{kind}.bin"
        file.write_bytes(data)
        image = images.add(bench, file, images.digest(data).upper())
        assert (image.name, image.chip, image.version, image.kind) == (kind, "ESP32", "v1.29.0", kind)
        assert (image.slots, image.flash_mb) == (2, 4)
        assert images.add(bench, file) == image
    assert len(images.listing(bench)) == 2


def test_what_is_no_whole_image_is_refused(bench: benches.Bench) -> None:
    """Each with its reason."""
    refused(bench, b"", "bad_image")
    refused(bench, b"not an image, but long enough to be read", "bad_image")
    refused(bench, WHOLE, "bad_hash", "0" * 64)
    assert "micropython.bin" in refused(bench, an_image.program(), "bad_image")
    refused(bench, an_image.image(banner=b"Arduino"), "bad_image")
    refused(bench, an_image.image(partitions=()), "bad_image")
    assert "ESP32-S3" in refused(bench, an_image.image(chip=9), "other_chip")


@given(st.integers(0, len(WHOLE) - 1))
def test_an_image_cut_anywhere_is_no_image(length: int) -> None:
    """A download that ended early."""
    with pytest.raises(espimage.NotAnImageError):
        espimage.read(WHOLE[:length])


@given(st.integers(an_image.PROGRAM_AT, len(WHOLE) - 1), st.integers(1, 255))
def test_a_byte_that_changed_in_the_program_is_found(at: int, by: int) -> None:
    """By its checksum or its hash."""
    data = bytearray(WHOLE)
    data[at] ^= by
    with pytest.raises((espimage.NotAnImageError, espimage.OtherChipError)):
        espimage.read(bytes(data))


def test_nobody_else_reads_the_bench(bench: benches.Bench, tmp_path: Path) -> None:
    """It holds credentials."""
    assert stat.S_IMODE(bench.folder.stat().st_mode) == 0o700
    for write in (benches.append, benches.replace):
        path = tmp_path / write.__name__
        write(path, b"x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_bundle_is_what_the_frozen_image_holds() -> None:
    """The same files, bytecode for the interpreter that is pinned, the same bytes each time."""
    one, two = bundle.build(), bundle.build()
    assert one.sha256 == two.sha256
    assert one.mpy == 6
    assert "firmware/entry.mpy" in one.files
    assert not [name for name in one.files if "hal/unix" in name or "manifest" in name or "boot/image" in name]
    assert b"power_on()" in one.files["main.py"]
